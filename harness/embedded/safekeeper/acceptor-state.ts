import { Lsn } from "../../types";
import type { TenantId, TimelineId } from "../../types";
import type { TermHistory } from "./term-history";

export interface TenantTimelineId {
  tenantId: TenantId;
  timelineId: TimelineId;
}

/** `tenant/timeline`, as Neon prints it. */
export function formatTtid(id: TenantTimelineId): string {
  return `${id.tenantId}/${id.timelineId}`;
}

/** What the first greeting says about the Postgres that writes the WAL; zeros where nothing is known yet. */
export interface ServerInfo {
  /** As in server_version_num: 170005. */
  pgVersion: number;
  systemId: bigint;
  walSegSize: number;
}

/** What must be on disk before a vote or the taking of a new history is answered. */
export interface AcceptorState extends TenantTimelineId {
  server: ServerInfo;
  term: bigint;
  termHistory: TermHistory;
  /** Where the timeline began, on any safekeeper; 0 until a proposer was elected. */
  timelineStartLsn: Lsn;
  /** Where the WAL of this safekeeper begins. */
  localStartLsn: Lsn;
}

/** Positions that only grow. They are stored now and then; an old value on disk is still a true one. */
export interface Progress {
  commitLsn: Lsn;
  backupLsn: Lsn;
  peerHorizonLsn: Lsn;
  remoteConsistentLsn: Lsn;
  proposerUuid: string;
}

export const UNKNOWN_SERVER: ServerInfo = { pgVersion: 0, systemId: 0n, walSegSize: 0 };

export function newAcceptorState(id: TenantTimelineId): AcceptorState {
  return {
    tenantId: id.tenantId,
    timelineId: id.timelineId,
    server: UNKNOWN_SERVER,
    term: 0n,
    termHistory: [],
    timelineStartLsn: Lsn.INVALID,
    localStartLsn: Lsn.INVALID,
  };
}

export function newProgress(): Progress {
  return {
    commitLsn: Lsn.INVALID,
    backupLsn: Lsn.INVALID,
    peerHorizonLsn: Lsn.INVALID,
    remoteConsistentLsn: Lsn.INVALID,
    proposerUuid: "0".repeat(32),
  };
}

export function maxLsn(a: Lsn, b: Lsn): Lsn {
  return a > b ? a : b;
}

export function minLsn(a: Lsn, b: Lsn): Lsn {
  return a < b ? a : b;
}

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

/** A last, partial segment in remote storage, as the control file lists them. */
export interface PartialSegment {
  readonly status: "InProgress" | "Uploaded" | "Deleting";
  readonly name: string;
  readonly commitLsn: Lsn;
  readonly flushLsn: Lsn;
  readonly term: bigint;
}

/** Which safekeepers make up a timeline; generation 0 means that nobody has said. */
export interface MembershipConf {
  readonly generation: number;
  readonly members: readonly unknown[];
  readonly new_members: unknown;
}

export const NO_MEMBERSHIP: MembershipConf = { generation: 0, members: [], new_members: null };

/** What must be on disk before a vote or the taking of a new history is answered. */
export interface AcceptorState extends TenantTimelineId {
  mconf: MembershipConf;
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
  partialSegments: readonly PartialSegment[];
  /** Up to where the WAL was when it left this disk; undefined while it is here. */
  offloadedAt: Lsn | undefined;
}

export const UNKNOWN_SERVER: ServerInfo = { pgVersion: 0, systemId: 0n, walSegSize: 0 };

export function newAcceptorState(id: TenantTimelineId): AcceptorState {
  return {
    tenantId: id.tenantId,
    timelineId: id.timelineId,
    mconf: NO_MEMBERSHIP,
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
    partialSegments: [],
    offloadedAt: undefined,
  };
}

export function maxLsn(a: Lsn, b: Lsn): Lsn {
  return a > b ? a : b;
}

export function minLsn(a: Lsn, b: Lsn): Lsn {
  return a < b ? a : b;
}

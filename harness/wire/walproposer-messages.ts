import type { Lsn, TenantId, TimelineId } from "../types";
import type { PageserverFeedback } from "./pageserver-feedback";

/** A term and the LSN at which it began. */
export interface TermLsn {
  term: bigint;
  lsn: Lsn;
}

export interface ProposerGreeting {
  kind: "greeting";
  protocolVersion: number;
  /** In the form 170000. */
  pgVersion: number;
  /** 16 bytes. */
  proposerId: Buffer;
  systemId: bigint;
  timelineId: TimelineId;
  tenantId: TenantId;
  tli: number;
  walSegSize: number;
}

export interface VoteRequest {
  kind: "vote";
  term: bigint;
  proposerId: Buffer;
}

/** The proposer won the election of `term`; nobody answers this message. */
export interface ProposerElected {
  kind: "elected";
  term: bigint;
  startStreamingAt: Lsn;
  termHistory: TermLsn[];
  timelineStartLsn: Lsn;
}

/** WAL from beginLsn up to endLsn; without WAL it is a heartbeat. */
export interface AppendRequest {
  kind: "append";
  term: bigint;
  termStartLsn: Lsn;
  beginLsn: Lsn;
  endLsn: Lsn;
  commitLsn: Lsn;
  truncateLsn: Lsn;
  proposerId: Buffer;
  wal: Buffer;
}

export interface AcceptorGreeting {
  kind: "greeting";
  term: bigint;
  nodeId: bigint;
}

export interface VoteResponse {
  kind: "vote";
  term: bigint;
  voteGiven: boolean;
  flushLsn: Lsn;
  truncateLsn: Lsn;
  termHistory: TermLsn[];
  timelineStartLsn: Lsn;
}

export interface HotStandbyFeedback {
  /** Microseconds since 2000-01-01. */
  ts: bigint;
  xmin: bigint;
  catalogXmin: bigint;
}

export interface AppendResponse {
  kind: "append";
  term: bigint;
  flushLsn: Lsn;
  commitLsn: Lsn;
  hotStandby: HotStandbyFeedback;
  pageserverFeedback?: PageserverFeedback;
}

export type ProposerMessage = ProposerGreeting | VoteRequest | ProposerElected | AppendRequest;
export type AcceptorMessage = AcceptorGreeting | VoteResponse | AppendResponse;

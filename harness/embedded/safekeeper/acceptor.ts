// The acceptor's rules (neon-protocols §5.1) as pure functions: what a message means for a state. No I/O here.
import { Lsn } from "../../types";
import type { AcceptorState, Progress, ServerInfo, TenantTimelineId } from "./acceptor-state";
import { formatTtid, maxLsn, minLsn } from "./acceptor-state";
import type { TermHistory } from "./term-history";
import { formatHistory, historyUpTo, lastCommonPoint, lastLogTerm } from "./term-history";

/** A message that this acceptor must not take. The connection ends with this text; the proposer starts over. */
export class AcceptorError extends Error {
  override readonly name = "AcceptorError";
}

export const PROTOCOL_VERSION = 2;

export interface Greeting extends TenantTimelineId, ServerInfo {
  protocolVersion: number;
}

/** The server info to keep. Refuses a proposer whose Postgres is not the one that wrote this timeline so far. */
export function acceptGreeting(state: AcceptorState, greeting: Greeting): ServerInfo {
  const refuse = (what: string, got: unknown, expected: unknown): never => {
    throw new AcceptorError(`${what} ${got}, expected ${expected}`);
  };
  const { pgVersion, systemId, walSegSize } = state.server;
  if (greeting.protocolVersion !== PROTOCOL_VERSION) {
    refuse("incompatible protocol version", greeting.protocolVersion, PROTOCOL_VERSION);
  }
  if (formatTtid(greeting) !== formatTtid(state)) {
    refuse("invalid timeline, got", formatTtid(greeting), formatTtid(state));
  }
  const major = (version: number) => Math.trunc(version / 10_000);
  if (pgVersion !== 0 && major(greeting.pgVersion) !== major(pgVersion)) {
    refuse("incompatible server version", greeting.pgVersion, pgVersion);
  }
  if (systemId !== 0n && greeting.systemId !== systemId) {
    refuse("invalid system ID, got", greeting.systemId, systemId);
  }
  if (walSegSize !== 0 && greeting.walSegSize !== walSegSize) {
    refuse("invalid wal_seg_size, got", greeting.walSegSize, walSegSize);
  }
  // Recovery of an older history may come from an older minor version; the newest seen is what is reported.
  return { pgVersion: greeting.pgVersion, systemId: greeting.systemId, walSegSize: greeting.walSegSize };
}

/** A vote is given once per term, and never for an older one. */
export function decideVote(state: AcceptorState, term: bigint): { granted: boolean; next: AcceptorState } {
  return term > state.term ? { granted: true, next: { ...state, term } } : { granted: false, next: state };
}

export interface Elected {
  term: bigint;
  startStreamingAt: Lsn;
  termHistory: TermHistory;
  timelineStartLsn: Lsn;
}

/** Where the WAL of this acceptor ends: flushed (record-aligned, 0 when it has none) and committed. */
export interface WalEnds {
  flushLsn: Lsn;
  commitLsn: Lsn;
}

export type ElectedDecision =
  | { kind: "superseded" }
  | { kind: "adopt"; truncateAt: Lsn; /** Nothing was ever written here. */ first: boolean; next: AcceptorState };

/** Where the stream must start so that our WAL up to there is what the proposer has. */
function requiredStart(state: AcceptorState, ends: WalEnds, elected: Elected): Lsn {
  const common = lastCommonPoint(elected.termHistory, historyUpTo(state.termHistory, ends.flushLsn), ends.flushLsn);
  if (common !== undefined) return common;
  return state.timelineStartLsn === Lsn.INVALID ? elected.timelineStartLsn : state.timelineStartLsn;
}

function checkStart(state: AcceptorState, ends: WalEnds, elected: Elected): void {
  const start = elected.startStreamingAt;
  const text = Lsn.format(start);
  const required = requiredStart(state, ends, elected);
  if (start > maxLsn(ends.flushLsn, required)) {
    const missing = `this safekeeper has WAL up to ${Lsn.format(ends.flushLsn)} only and must first get the rest`;
    throw new AcceptorError(`proposer of term ${elected.term} wants to start streaming at ${text}: ${missing}`);
  }
  if (elected.term === lastLogTerm(state.termHistory, ends.flushLsn) && ends.flushLsn > start) {
    const position = `term=${elected.term}, flush_lsn=${Lsn.format(ends.flushLsn)}, start_streaming_at=${text}`;
    throw new AcceptorError(`refusing ProposerElected that would overwrite good WAL of its own term: ${position}`);
  }
  if (start < ends.commitLsn) {
    throw new AcceptorError(`attempt to truncate committed WAL: ${text} is below ${Lsn.format(ends.commitLsn)}`);
  }
  if (start !== required) {
    const histories = `${formatHistory(elected.termHistory)}, ours ${formatHistory(state.termHistory)}`;
    const expected = `the last common point is ${Lsn.format(required)} (its history ${histories})`;
    throw new AcceptorError(`proposer of term ${elected.term} wants to start streaming at ${text}, but ${expected}`);
  }
}

/** A proposer won `elected.term`: cut our WAL at the last common point and take its history. */
export function decideElected(state: AcceptorState, ends: WalEnds, elected: Elected): ElectedDecision {
  if (elected.term < state.term) return { kind: "superseded" };
  if (elected.termHistory.at(-1)?.term !== elected.term) {
    throw new AcceptorError(`history ${formatHistory(elected.termHistory)} does not end with term ${elected.term}`);
  }
  if (elected.timelineStartLsn === Lsn.INVALID) throw new AcceptorError("elected without a timeline_start_lsn");
  checkStart(state, ends, elected);
  const first = state.timelineStartLsn === Lsn.INVALID;
  const next: AcceptorState = {
    ...state,
    term: elected.term,
    termHistory: elected.termHistory,
    timelineStartLsn: first ? elected.timelineStartLsn : state.timelineStartLsn,
    localStartLsn: first ? elected.startStreamingAt : state.localStartLsn,
  };
  return { kind: "adopt", truncateAt: elected.startStreamingAt, first, next };
}

export interface Append {
  term: bigint;
  beginLsn: Lsn;
  endLsn: Lsn;
  wal: Buffer;
}

/** Whether the WAL is to be written, or its sender has been superseded. Throws when it does not fit our end. */
export function decideAppend(state: AcceptorState, writeLsn: Lsn, append: Append): "write" | "superseded" {
  if (append.term < state.term) return "superseded";
  if (append.term > state.term || state.termHistory.at(-1)?.term !== append.term) {
    throw new AcceptorError(`got AppendRequest of term ${append.term} before ProposerElected`);
  }
  if (append.endLsn - append.beginLsn !== BigInt(append.wal.length)) {
    const range = `${Lsn.format(append.beginLsn)}..${Lsn.format(append.endLsn)}`;
    throw new AcceptorError(`AppendRequest for ${range} carries ${append.wal.length} bytes`);
  }
  if (append.wal.length > 0 && append.beginLsn !== writeLsn) {
    const positions = `begins at ${Lsn.format(append.beginLsn)}, but write_lsn is ${Lsn.format(writeLsn)}`;
    throw new AcceptorError(`AppendRequest is not contiguous: it ${positions}`);
  }
  return "write";
}

/** The new commit_lsn: what the proposer says a majority has, as far as it is on this disk. It never goes back. */
export function advanceCommit(progress: Progress, candidate: Lsn, flushLsn: Lsn): Lsn {
  return maxLsn(progress.commitLsn, minLsn(candidate, flushLsn));
}

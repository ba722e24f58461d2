import type { PageserverFeedback } from "../../wire";
import type { Lsn } from "../../types";

export interface HotStandbyFeedback {
  ts: bigint;
  xmin: bigint;
  catalogXmin: bigint;
}

export interface StandbyReply {
  writeLsn: Lsn;
  flushLsn: Lsn;
  applyLsn: Lsn;
  /** Microseconds since 2000-01-01. */
  time: bigint;
  replyRequested: boolean;
}

export const NO_STANDBY_REPLY: StandbyReply = {
  writeLsn: 0n,
  flushLsn: 0n,
  applyLsn: 0n,
  time: 0n,
  replyRequested: false,
};
export const NO_HOT_STANDBY: HotStandbyFeedback = { ts: 0n, xmin: 0n, catalogXmin: 0n };

/** What a receiver of WAL last told us. */
export type WalSenderFeedback =
  | { kind: "pageserver"; feedback: PageserverFeedback }
  | { kind: "standby"; reply: StandbyReply; hotStandby: HotStandbyFeedback };

function olderXid(a: bigint, b: bigint): bigint {
  if (a === 0n) return b;
  if (b === 0n) return a;
  // An xid and its epoch make one number that only grows, so the smaller one is the older one.
  return a < b ? a : b;
}

/** How far the standby has replayed that is furthest behind; 0 where none has said. */
export function standbyHorizon(feedbacks: Iterable<WalSenderFeedback>): Lsn {
  const applied = [...feedbacks].flatMap((each) => (each.kind === "standby" ? [each.reply.applyLsn] : []));
  return applied.filter((lsn) => lsn !== 0n).reduce((a, b) => (a !== 0n && a < b ? a : b), 0n);
}

/** What all standbys together still need: the oldest of their horizons, with the newest time. */
export function combineHotStandby(feedbacks: Iterable<WalSenderFeedback>): HotStandbyFeedback {
  let combined = NO_HOT_STANDBY;
  for (const feedback of feedbacks) {
    if (feedback.kind !== "standby" || feedback.hotStandby.ts === 0n) continue;
    const { ts, xmin, catalogXmin } = feedback.hotStandby;
    combined = {
      ts: ts > combined.ts ? ts : combined.ts,
      xmin: olderXid(combined.xmin, xmin),
      catalogXmin: olderXid(combined.catalogXmin, catalogXmin),
    };
  }
  return combined;
}

import { expect, test } from "vitest";
import { chooseDonor } from "./peer-recovery";
import type { PeerInfo } from "./peers";
import type { Timeline } from "./timeline";

const timelineAt = (lastLogTerm: bigint, flushLsn: bigint, term: bigint, status?: "Voting" | "Streaming"): Timeline =>
  ({ lastLogTerm, flushLsn, state: { term }, receivers: new Set(status === undefined ? [] : [{ status }]) }) as never;

const peer = (safekeeperId: number, lastLogTerm: bigint, flushLsn: bigint, term = lastLogTerm): PeerInfo =>
  ({ safekeeperId, lastLogTerm, flushLsn, term }) as never;

test.for<[what: string, Timeline, PeerInfo[], number | undefined]>([
  ["more WAL of the same term", timelineAt(2n, 100n, 2n), [peer(1, 2n, 100n), peer(2, 2n, 200n)], 2],
  ["a later term, though it ends earlier", timelineAt(2n, 100n, 2n), [peer(1, 2n, 200n), peer(2, 3n, 50n)], 2],
  ["of several the one that has most", timelineAt(2n, 100n, 2n), [peer(1, 2n, 300n), peer(2, 2n, 200n)], 1],
  ["nobody is ahead", timelineAt(2n, 100n, 2n), [peer(1, 2n, 100n), peer(2, 1n, 900n)], undefined],
  ["the peer has voted for a term that wrote nothing", timelineAt(2n, 100n, 2n), [peer(1, 2n, 200n, 3n)], undefined],
  ["we have voted for a later term", timelineAt(2n, 100n, 4n), [peer(1, 3n, 200n)], undefined],
  ["a compute streams to us", timelineAt(2n, 100n, 2n, "Streaming"), [peer(1, 2n, 200n)], undefined],
  ["a compute that is not elected yet", timelineAt(2n, 100n, 2n, "Voting"), [peer(1, 2n, 200n)], 1],
])("a donor is chosen: %s", ([, timeline, peers, expected]) => {
  expect(chooseDonor(timeline, peers)?.safekeeperId).toBe(expected);
});

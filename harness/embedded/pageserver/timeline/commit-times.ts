import type { Lsn } from "../../../types";
import { WalDecoder } from "../../wal/decoder";
import type { WalRecord } from "../../wal/decoder";
import { factOf } from "../../wal/records";
import { firstReadableLsn, newestImageLsn, readWal, uncollectedLsn, whileReading } from "./history";
import { walSegSize } from "./record-boundary";
import type { Timeline } from "./timeline";

/** A commit: where its record ends, and when it happened (microseconds since 1970). */
export interface CommitTime {
  readonly lsn: Lsn;
  readonly micros: bigint;
}

export type TimestampKind = "present" | "future" | "past" | "nodata";

const POSTGRES_EPOCH_MICROS = 946_684_800_000_000n;

/** Every commit in the timeline's readable history up to `until`, in the order of the WAL. */
export async function commitTimes(timeline: Timeline, until: Lsn): Promise<CommitTime[]> {
  const commits: CommitTime[] = [];
  await eachCommit(timeline, until, (commit) => {
    commits.push(commit);
    return true;
  });
  return commits;
}

/**
 * End of the last commit before a time (microseconds since 1970), or of everything where none came later; undefined when all
 * that is left is younger.
 */
export async function lsnBefore(timeline: Timeline, micros: bigint): Promise<Lsn | undefined> {
  const until = timeline.lastRecordLsn;
  let last: Lsn | undefined;
  let isYounger = false;
  await eachCommit(timeline, until, (commit) => {
    isYounger = commit.micros > micros;
    if (!isYounger) last = commit.lsn;
    return !isYounger;
  });
  return last === undefined || isYounger ? last : until;
}

/** Calls `visit` with each commit until it returns false. */
function eachCommit(timeline: Timeline, until: Lsn, visit: (commit: CommitTime) => boolean): Promise<void> {
  return whileReading(timeline, async () => {
    // What is left below is what branches and leases need.
    const start = newestImageLsn(timeline, uncollectedLsn(timeline)) ?? firstReadableLsn(timeline);
    let goOn = true;
    const onRecord = (record: WalRecord): void => {
      const fact = factOf(record);
      if (!goOn || fact?.kind !== "commit") return;
      goOn = visit({ lsn: record.end, micros: fact.timestampUs + POSTGRES_EPOCH_MICROS });
    };
    const facts = { startLsn: start, walSegSize: await walSegSize(timeline), pgVersion: timeline.pgVersion };
    const decoder = new WalDecoder({ ...facts, onRecord });
    for await (const bytes of readWal(timeline, start, until)) {
      decoder.push(decoder.position, bytes);
      if (!goOn) return;
    }
  });
}

/**
 * The LSN at which everything committed up to a time is there and nothing later, as get_lsn_by_timestamp answers; none below
 * `first`.
 */
export function lsnAt(commits: readonly CommitTime[], micros: bigint, first: Lsn): { lsn: Lsn; kind: TimestampKind } {
  if (commits.length === 0) return { lsn: first, kind: "nodata" };
  const later = commits.findIndex((commit) => commit.micros > micros);
  const next = commits[later];
  if (next !== undefined && (later === 0 || next.lsn <= first)) return { lsn: first, kind: "past" };
  const before = commits[(later === -1 ? commits.length : later) - 1]?.lsn ?? first;
  return { lsn: before < first ? first : before, kind: later === -1 ? "future" : "present" };
}

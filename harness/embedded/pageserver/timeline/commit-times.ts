import type { Lsn } from "../../../types";
import { WalDecoder } from "../../wal/decoder";
import { factOf } from "../../wal/records";
import { firstReadableLsn, readWal } from "./history";
import { walSegSize } from "./record-boundary";
import type { Timeline } from "./timeline";

/** A commit: where its record ends, and when it happened (microseconds since 1970). */
export interface CommitTime {
  readonly lsn: Lsn;
  readonly micros: bigint;
}

export type TimestampKind = "present" | "future" | "past" | "nodata";

const POSTGRES_EPOCH_MICROS = 946_684_800_000_000n;

/** Every commit in the timeline's history up to `until`, in the order of the WAL. */
export async function commitTimes(timeline: Timeline, until: Lsn): Promise<CommitTime[]> {
  const start = firstReadableLsn(timeline);
  const commits: CommitTime[] = [];
  const decoder = new WalDecoder({
    startLsn: start,
    walSegSize: await walSegSize(timeline),
    pgVersion: timeline.pgVersion,
    onRecord: (record) => {
      const fact = factOf(record);
      if (fact?.kind === "commit") commits.push({ lsn: record.end, micros: fact.timestampUs + POSTGRES_EPOCH_MICROS });
    },
  });
  let position = start;
  for await (const bytes of readWal(timeline, start, until)) {
    decoder.push(position, bytes);
    position += BigInt(bytes.length);
  }
  return commits;
}

/** The LSN at which everything committed up to a time is there and nothing later, as get_lsn_by_timestamp answers. */
export function lsnAt(commits: readonly CommitTime[], micros: bigint, first: Lsn): { lsn: Lsn; kind: TimestampKind } {
  if (commits.length === 0) return { lsn: first, kind: "nodata" };
  const later = commits.findIndex((commit) => commit.micros > micros);
  if (later === 0) return { lsn: first, kind: "past" };
  const before = commits[(later === -1 ? commits.length : later) - 1];
  return { lsn: before?.lsn ?? first, kind: later === -1 ? "future" : "present" };
}

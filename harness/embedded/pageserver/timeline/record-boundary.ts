import { Lsn } from "../../../types";
import { readImageManifest } from "../../pg/image";
import { WalDecoder } from "../../wal/decoder";
import { baseImage, firstReadableLsn, knownBoundaryBelow, newestImageLsn, readWal, whileReading } from "./history";
import type { Timeline } from "./timeline";

export interface RecordBoundary {
  /** End of the last whole record at or below the LSN asked for. */
  readonly lsn: Lsn;
  /** Where that record starts. */
  readonly prevRecordLsn: Lsn;
}

/** Size of the WAL segments of a timeline: its image knows. */
export function walSegSize(timeline: Timeline): Promise<number> {
  return whileReading(timeline, async () => {
    const { layer } = await baseImage(timeline, timeline.lastRecordLsn);
    return (await readImageManifest(layer.path)).walSegSize;
  });
}

/** Floors an LSN to a record's end: Postgres can be started at record ends only. The WAL up to `lsn` must be here. */
export function floorToRecord(timeline: Timeline, lsn: Lsn): Promise<RecordBoundary> {
  return whileReading(timeline, () => floor(timeline, lsn));
}

async function floor(timeline: Timeline, lsn: Lsn): Promise<RecordBoundary> {
  if (lsn === timeline.lastRecordLsn) return { lsn, prevRecordLsn: timeline.prevRecordLsn };
  const first = firstReadableLsn(timeline);
  if (lsn <= first) return { lsn: first, prevRecordLsn: timeline.initdbLsn };
  if (newestImageLsn(timeline, lsn) === lsn) {
    // The WAL before an image may be gone.
    const { prevRecordLsn } = await readImageManifest((await baseImage(timeline, lsn)).layer.path);
    return { lsn, prevRecordLsn: Lsn.parse(prevRecordLsn) };
  }
  const start = knownBoundaryBelow(timeline, lsn);
  if (start === undefined) throw new Error(`no record is known below ${Lsn.format(lsn)}`);
  let prevRecordLsn = timeline.initdbLsn;
  const decoder = new WalDecoder({
    startLsn: start,
    walSegSize: await walSegSize(timeline),
    pgVersion: timeline.pgVersion,
    onRecord: (record) => (prevRecordLsn = record.lsn),
  });
  let position = start;
  for await (const bytes of readWal(timeline, start, lsn)) {
    decoder.push(position, bytes);
    position += BigInt(bytes.length);
  }
  return { lsn: decoder.recordEnd, prevRecordLsn };
}

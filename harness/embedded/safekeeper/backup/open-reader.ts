import type { Timeline } from "../timeline";
import { WalReader } from "../wal-reader";

/** A reader of the timeline's WAL, which looks into remote storage for what is not here any more. */
export function openReader(timeline: Timeline): WalReader {
  const { walSegSize } = timeline.state.server;
  return new WalReader(timeline.directory, walSegSize, async (startLsn) =>
    startLsn + BigInt(walSegSize) <= timeline.progress.backupLsn
      ? timeline.remote?.readSegment(startLsn, walSegSize)
      : undefined,
  );
}

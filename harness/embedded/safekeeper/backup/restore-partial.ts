import { join } from "node:path";
import { syncDirectory, syncFile } from "../../service";
import { segmentFileName } from "../../wal/segments";
import type { PartialSegment } from "../acceptor-state";
import { PARTIAL } from "../segment-file";
import type { RemoteWal } from "./remote-wal";

/** The file of a timeline's last segment, which is still being written. */
export const partialPath = (directory: string, { flushLsn }: PartialSegment, walSegSize: number): string =>
  join(directory, segmentFileName(flushLsn, walSegSize) + PARTIAL);

/** Downloads the last segment of a timeline that was evicted; it is on disk when this resolves. */
export async function restorePartial(
  remote: RemoteWal,
  partial: PartialSegment,
  target: { directory: string; walSegSize: number; sync: boolean },
): Promise<void> {
  const path = partialPath(target.directory, partial, target.walSegSize);
  await remote.downloadPartial(partial.name, path);
  if (!target.sync) return;
  await syncFile(path);
  await syncDirectory(target.directory);
}

import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Lsn, PgVersion } from "../../types";
import { WalDecoder, WalFormatError } from "./decoder";
import { segmentFileName, segmentOffset, segmentStart } from "./segments";

const CHUNK = 256 * 1024;

/**
 * The end of the last whole and valid record in a directory of segment files (the last may be `.partial`), decoding from
 * a known boundary with checksums. A torn or zero-filled tail is not an error: there the WAL ends.
 */
export function findEndOfWal(dir: string, startLsn: Lsn, options: { walSegSize: number; pgVersion: PgVersion }): Lsn {
  const { walSegSize } = options;
  const decoder = new WalDecoder({ startLsn, ...options, checkCrc: true });
  const chunk = Buffer.alloc(CHUNK);
  for (let segment = segmentStart(startLsn, walSegSize); ; segment += BigInt(walSegSize)) {
    const path = segmentPath(dir, segment, walSegSize);
    if (path === undefined) return decoder.recordEnd;
    if (!pushSegment(decoder, path, segment, startLsn, walSegSize, chunk)) return decoder.recordEnd;
  }
}

function segmentPath(dir: string, lsn: Lsn, walSegSize: number): string | undefined {
  const path = join(dir, segmentFileName(lsn, walSegSize));
  return [path, `${path}.partial`].find((candidate) => existsSync(candidate));
}

/** False when the WAL ends inside of this segment. */
function pushSegment(
  decoder: WalDecoder,
  path: string,
  segment: Lsn,
  startLsn: Lsn,
  walSegSize: number,
  chunk: Buffer,
): boolean {
  const fd = openSync(path, "r");
  try {
    let offset = segment < startLsn ? segmentOffset(startLsn, walSegSize) : 0;
    while (offset < walSegSize) {
      const length = readSync(fd, chunk, 0, Math.min(CHUNK, walSegSize - offset), offset);
      if (length === 0) return false;
      decoder.push(segment + BigInt(offset), chunk.subarray(0, length));
      offset += length;
    }
    return true;
  } catch (error) {
    if (error instanceof WalFormatError) return false;
    throw error;
  } finally {
    closeSync(fd);
  }
}

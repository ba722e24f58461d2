import { type FileHandle, open, readdir, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Lsn } from "../../types";
import { hasErrorCode, syncDirectory } from "../service";
import { segmentFileName } from "../wal/segments";
import { PARTIAL, writeZeros } from "./segment-file";

export interface SegmentEntry {
  name: string;
  startLsn: Lsn;
  partial: boolean;
}

const SEGMENT_NAME = /^[0-9A-F]{8}([0-9A-F]{8})([0-9A-F]{8})(\.partial)?$/;

/** The segment files of a timeline's directory, oldest first. */
export async function listSegments(directory: string, walSegSize: number): Promise<SegmentEntry[]> {
  const entries: SegmentEntry[] = [];
  for (const name of await readdir(directory)) {
    const match = SEGMENT_NAME.exec(name);
    if (match === null) continue;
    const startLsn = (BigInt(`0x${match[1]}`) << 32n) + BigInt(`0x${match[2]}`) * BigInt(walSegSize);
    entries.push({ name, startLsn, partial: match[3] !== undefined });
  }
  return entries.toSorted((a, b) => (a.startLsn < b.startLsn ? -1 : 1));
}

/** Opens a segment for reading under either of its names; undefined when there is none. */
export async function openSegmentForReading(
  directory: string,
  startLsn: Lsn,
  walSegSize: number,
): Promise<FileHandle | undefined> {
  const path = join(directory, segmentFileName(startLsn, walSegSize));
  // The third look is for a segment that got its final name between the first two.
  for (const candidate of [path, path + PARTIAL, path]) {
    try {
      return await open(candidate, "r");
    } catch (error) {
      if (!hasErrorCode(error, "ENOENT")) throw error;
    }
  }
  return undefined;
}

async function zeroTail(path: string, from: number, walSegSize: number, sync: boolean): Promise<void> {
  const file = await open(path, "r+");
  try {
    const tail = Buffer.alloc(walSegSize - from);
    const { bytesRead } = await file.read(tail, 0, tail.length, from);
    if (bytesRead === tail.length && tail.equals(Buffer.alloc(tail.length))) return;
    writeZeros(file.fd, from, walSegSize);
    if (sync) await file.datasync();
  } finally {
    await file.close();
  }
}

/**
 * Removes all WAL from `end` on: later segments go, newest first so that a crash leaves no hole, and the rest of
 * end's own segment becomes zeros. What remains is on disk when this returns (unless `sync` is off).
 */
export async function cutSegments(directory: string, walSegSize: number, end: Lsn, sync: boolean): Promise<void> {
  const segments = await listSegments(directory, walSegSize);
  for (const segment of segments.toReversed()) {
    const path = join(directory, segment.name);
    if (segment.startLsn >= end) {
      await unlink(path);
    } else if (end < segment.startLsn + BigInt(walSegSize)) {
      await zeroTail(path, Number(end - segment.startLsn), walSegSize, sync);
      if (!segment.partial) await rename(path, path + PARTIAL);
    }
  }
  if (sync) await syncDirectory(directory);
}

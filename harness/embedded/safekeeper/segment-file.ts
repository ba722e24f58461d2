import { closeSync, fdatasync, fstatSync, ftruncateSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Lsn } from "../../types";
import { failNow, hasErrorCode } from "../service";
import { segmentFileName, segmentOffset } from "../wal/segments";

/** The suffix of the segment that is still being written. */
export const PARTIAL = ".partial";

const ZEROS = Buffer.alloc(1024 * 1024);

function writeFully(fd: number, bytes: Buffer, position: number): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}

/** Fills `[from, to)` of a file with zeros. */
export function writeZeros(fd: number, from: number, to: number): void {
  for (let position = from; position < to; position += ZEROS.length) {
    writeFully(fd, ZEROS.subarray(0, Math.min(ZEROS.length, to - position)), position);
  }
}

function openExisting(path: string): number | undefined {
  try {
    return openSync(path, "r+");
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/**
 * A whole segment of zeros appears at once. Written out, so that fdatasync has no metadata to write later; where nothing is
 * synced a hole will do.
 */
function createZeroed(path: string, size: number, sync: boolean): number {
  const temporary = `${path}.___temp`;
  const fd = openSync(temporary, "w+");
  try {
    failNow("sk-zero-segment", "failpoint: sk-zero-segment");
    if (sync) writeZeros(fd, 0, size);
    else ftruncateSync(fd, size);
    renameSync(temporary, path);
    return fd;
  } catch (error) {
    closeSync(fd);
    unlinkSync(temporary);
    throw error;
  }
}

/** Throws with the file's name when the segment of `lsn` is not here up to there. */
export function requireSegmentUpTo(directory: string, lsn: Lsn, size: number): void {
  const offset = segmentOffset(lsn, size);
  if (offset === 0) return;
  const path = join(directory, segmentFileName(lsn, size));
  const fd = openExisting(path + PARTIAL) ?? openExisting(path);
  if (fd === undefined) throw new Error(`the WAL segment ${path} is missing`);
  try {
    const length = fstatSync(fd).size;
    if (length < offset) throw new Error(`the WAL segment ${path} has ${length} bytes, expected ${offset} at least`);
  } finally {
    closeSync(fd);
  }
}

/**
 * One segment file open for writing. Writes go to the page cache at once, which is quick and keeps them in order;
 * only the flush is left to the thread pool.
 */
export class SegmentFile {
  readonly startLsn: Lsn;
  readonly created: boolean;
  readonly #fd: number;
  readonly #finalPath: string;
  #partial: boolean;

  private constructor(startLsn: Lsn, fd: number, finalPath: string, state: { partial: boolean; created: boolean }) {
    this.startLsn = startLsn;
    this.#fd = fd;
    this.#finalPath = finalPath;
    this.#partial = state.partial;
    this.created = state.created;
  }

  /** Opens the segment that starts at `startLsn`, whichever name it has, or creates it as `.partial`. */
  static open(directory: string, startLsn: Lsn, size: number, options: { sync: boolean }): SegmentFile {
    const finalPath = join(directory, segmentFileName(startLsn, size));
    const partialFd = openExisting(finalPath + PARTIAL);
    const fd = partialFd ?? openExisting(finalPath);
    if (fd === undefined) {
      const created = createZeroed(finalPath + PARTIAL, size, options.sync);
      return new SegmentFile(startLsn, created, finalPath, { partial: true, created: true });
    }
    // A crash of the machine may leave a file shorter than it was made.
    const length = fstatSync(fd).size;
    if (length < size) writeZeros(fd, length, size);
    return new SegmentFile(startLsn, fd, finalPath, { partial: partialFd !== undefined, created: false });
  }

  write(bytes: Buffer, offset: number): void {
    writeFully(this.#fd, bytes, offset);
  }

  /** The segment is full: it gets its final name. */
  complete(): void {
    if (!this.#partial) return;
    renameSync(this.#finalPath + PARTIAL, this.#finalPath);
    this.#partial = false;
  }

  flush(): Promise<void> {
    return promisify(fdatasync)(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

import { closeSync, fsync, ftruncateSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Lsn } from "../../../types";

const fsyncAsync = promisify(fsync);
let counter = 0;

/**
 * WAL that is not in a finished layer yet, in a file `ephemeral-N` rather than in memory. While open it grows; frozen, it has
 * its final length and waits to become a delta layer.
 */
export class OpenLayer {
  readonly start: Lsn;
  readonly createdAt = Date.now();
  readonly #fd: number;
  #path: string;
  /** End of the bytes written so far; the last record in it may be incomplete. */
  #end: Lsn;

  constructor(timelineDir: string, start: Lsn) {
    counter += 1;
    this.start = start;
    this.#end = start;
    this.#path = join(timelineDir, `ephemeral-${counter}`);
    this.#fd = openSync(this.#path, "w+");
  }

  get path(): string {
    return this.#path;
  }

  get end(): Lsn {
    return this.#end;
  }

  get size(): number {
    return Number(this.#end - this.start);
  }

  /** Writes at `lsn`, at most at the present end; what was there and behind is replaced. */
  write(lsn: Lsn, bytes: Buffer): void {
    if (lsn < this.start || lsn > this.#end) throw new Error("WAL written outside of the open layer");
    const position = Number(lsn - this.start);
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(this.#fd, bytes, written, bytes.length - written, position + written);
    }
    this.#end = lsn + BigInt(bytes.length);
  }

  /** Cuts the layer at `lsn` and returns the bytes that were behind it. */
  cut(lsn: Lsn): Buffer {
    const tail = Buffer.alloc(Number(this.#end - lsn));
    if (tail.length > 0) readSync(this.#fd, tail, 0, tail.length, Number(lsn - this.start));
    ftruncateSync(this.#fd, Number(lsn - this.start));
    this.#end = lsn;
    return tail;
  }

  sync(): Promise<void> {
    return fsyncAsync(this.#fd);
  }

  /** Gives the file its final name; readers that have it open are not disturbed. */
  renameTo(path: string): void {
    renameSync(this.#path, path);
    this.#path = path;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Closes and removes an unfinished layer: its WAL is still on the safekeepers. */
  discard(): void {
    this.close();
    rmSync(this.#path, { force: true });
  }
}

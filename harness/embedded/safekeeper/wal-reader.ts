import type { FileHandle } from "node:fs/promises";
import type { Lsn } from "../../types";
import { segmentStart } from "../wal/segments";
import { openSegmentForReading } from "./segment-directory";

/** Reads WAL bytes of one timeline from its segment files, keeping the file of the last read open. */
export class WalReader implements AsyncDisposable {
  readonly #directory: string;
  readonly #walSegSize: number;
  readonly #elsewhere: (startLsn: Lsn) => Promise<Buffer | undefined>;
  #open: { startLsn: Lsn; file: FileHandle | Buffer } | undefined;

  /** `elsewhere` reads a whole segment that is not on this disk any more. */
  constructor(
    directory: string,
    walSegSize: number,
    elsewhere: (startLsn: Lsn) => Promise<Buffer | undefined> = () => Promise.resolve(undefined),
  ) {
    this.#directory = directory;
    this.#walSegSize = walSegSize;
    this.#elsewhere = elsewhere;
  }

  /** Up to `maxBytes` from `position`, never across a segment's end; empty where there is no file. */
  async read(position: Lsn, maxBytes: number): Promise<Buffer> {
    const startLsn = segmentStart(position, this.#walSegSize);
    const file = await this.#segment(startLsn);
    if (file === undefined) return Buffer.alloc(0);
    const offset = Number(position - startLsn);
    const wanted = Math.min(maxBytes, this.#walSegSize - offset);
    if (Buffer.isBuffer(file)) return file.subarray(offset, offset + wanted);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, offset);
    return buffer.subarray(0, bytesRead);
  }

  async #segment(startLsn: Lsn): Promise<FileHandle | Buffer | undefined> {
    if (this.#open?.startLsn === startLsn) return this.#open.file;
    await this.close();
    const file =
      (await openSegmentForReading(this.#directory, startLsn, this.#walSegSize)) ?? (await this.#elsewhere(startLsn));
    if (file !== undefined) this.#open = { startLsn, file };
    return file;
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open !== undefined && !Buffer.isBuffer(open.file)) await open.file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

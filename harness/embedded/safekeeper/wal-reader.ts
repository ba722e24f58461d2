import type { FileHandle } from "node:fs/promises";
import type { Lsn } from "../../types";
import { segmentStart } from "../wal/segments";
import { openSegmentForReading } from "./segment-directory";

/** Reads WAL bytes of one timeline from its segment files, keeping the file of the last read open. */
export class WalReader implements AsyncDisposable {
  readonly #directory: string;
  readonly #walSegSize: number;
  #open: { startLsn: Lsn; file: FileHandle } | undefined;

  constructor(directory: string, walSegSize: number) {
    this.#directory = directory;
    this.#walSegSize = walSegSize;
  }

  /** Up to `maxBytes` from `position`, never across a segment's end; empty where there is no file. */
  async read(position: Lsn, maxBytes: number): Promise<Buffer> {
    const startLsn = segmentStart(position, this.#walSegSize);
    const file = await this.#segment(startLsn);
    if (file === undefined) return Buffer.alloc(0);
    const offset = Number(position - startLsn);
    const wanted = Math.min(maxBytes, this.#walSegSize - offset);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, offset);
    return buffer.subarray(0, bytesRead);
  }

  async #segment(startLsn: Lsn): Promise<FileHandle | undefined> {
    if (this.#open?.startLsn === startLsn) return this.#open.file;
    await this.close();
    const file = await openSegmentForReading(this.#directory, startLsn, this.#walSegSize);
    if (file !== undefined) this.#open = { startLsn, file };
    return file;
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

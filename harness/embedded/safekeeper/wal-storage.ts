import { Lsn } from "../../types";
import type { PgVersion } from "../../types";
import { syncDirectory } from "../service";
import { WalDecoder } from "../wal/decoder";
import { findEndOfWal } from "../wal/end-of-wal";
import { segmentStart } from "../wal/segments";
import { cutSegments } from "./segment-directory";
import { SegmentFile } from "./segment-file";

export interface WalStorageOptions {
  directory: string;
  walSegSize: number;
  pgVersion: PgVersion;
  /** Whether WAL is on disk before it counts as flushed. */
  sync: boolean;
  /** The disk has what was written up to some point; `flushLsn` may have moved. */
  onFlushed: () => void;
  /** Nothing can be written any more, because what the disk has is unknown. Called once. */
  onFailed: (error: unknown) => void;
}

/**
 * The WAL of one timeline in segment files. Writes are immediate; one fdatasync at a time runs behind them and takes
 * along all that was written before it began. `write` and `cut` must not overlap: the timeline's lock sees to it.
 */
export class WalStorage {
  readonly #options: WalStorageOptions;
  #writeLsn: Lsn = Lsn.INVALID;
  #flushLsn: Lsn = Lsn.INVALID;
  #decoder: WalDecoder | undefined;
  #current: SegmentFile | undefined;
  readonly #dirty = new Set<SegmentFile>();
  #directoryDirty = false;
  #syncing: Promise<void> | undefined;
  /** Raised by each cut: an fdatasync that began before it says nothing about the WAL after it. */
  #epoch = 0;
  #failure: Error | undefined;
  #writtenBytes = 0;

  constructor(options: WalStorageOptions) {
    this.#options = options;
  }

  /** Finds the end of valid WAL behind `start` (a record boundary) and cuts what follows: a torn tail. */
  async recover(start: Lsn): Promise<void> {
    const { directory, walSegSize, pgVersion } = this.#options;
    await this.cut(findEndOfWal(directory, start, { walSegSize, pgVersion }));
  }

  /** End of what was written, perhaps in the middle of a record. 0 when there is nothing. */
  get writeLsn(): Lsn {
    return this.#writeLsn;
  }

  /** End of the last whole record that is on disk; this is what may be acknowledged. */
  get flushLsn(): Lsn {
    return this.#flushLsn;
  }

  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Appends at writeLsn. Throws, without having moved anything, when the disk or the decoder refuses the bytes. */
  write(wal: Buffer): void {
    this.#assertUsable();
    const begin = this.#writeLsn;
    this.#writeBytes(begin, wal);
    this.#decode(begin, wal);
    this.#writeLsn = begin + BigInt(wal.length);
    this.#writtenBytes += wal.length;
    if (this.#options.sync) {
      this.#startSync();
    } else {
      this.#moveFlushLsn(this.#writtenRecordEnd());
      this.#options.onFlushed();
    }
  }

  /** Resolves when everything written so far is on disk. */
  async flush(): Promise<void> {
    this.#startSync();
    await this.#syncing;
    this.#assertUsable();
  }

  /** Drops all WAL behind `end`, a record boundary, and goes on from there. With no WAL yet: begins there. */
  async cut(end: Lsn): Promise<void> {
    this.#epoch += 1;
    await this.#syncing;
    this.#assertUsable();
    this.#closeFiles();
    const { directory, walSegSize, sync } = this.#options;
    try {
      await cutSegments(directory, walSegSize, end, sync);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    this.#writeLsn = end;
    this.#flushLsn = end;
    this.#decoder = this.#newDecoder(end);
  }

  async close(): Promise<void> {
    this.#epoch += 1;
    await this.#syncing;
    this.#closeFiles();
    this.#failure ??= new Error("WAL storage is closed");
  }

  #newDecoder(startLsn: Lsn): WalDecoder {
    const { walSegSize, pgVersion } = this.#options;
    return new WalDecoder({ startLsn, walSegSize, pgVersion, checkCrc: true });
  }

  #recordEnd(): Lsn {
    return this.#decoder?.recordEnd ?? this.#writeLsn;
  }

  /** A record's end may lie a few bytes of padding, or after XLOG_SWITCH the rest of a segment, behind what came. */
  #writtenRecordEnd(): Lsn {
    const end = this.#recordEnd();
    return end <= this.#writeLsn ? end : this.#flushLsn;
  }

  #moveFlushLsn(to: Lsn): void {
    if (to > this.#flushLsn) this.#flushLsn = to;
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = new Error("WAL storage failed earlier; restart the safekeeper", { cause: error });
    this.#options.onFailed(error);
  }

  #writeBytes(begin: Lsn, wal: Buffer): void {
    const { walSegSize } = this.#options;
    let position = begin;
    for (let done = 0; done < wal.length;) {
      const segment = this.#segmentAt(position);
      const offset = Number(position - segment.startLsn);
      const piece = wal.subarray(done, done + walSegSize - offset);
      segment.write(piece, offset);
      this.#dirty.add(segment);
      done += piece.length;
      position += BigInt(piece.length);
      if (offset + piece.length === walSegSize) this.#complete(segment);
    }
  }

  #segmentAt(position: Lsn): SegmentFile {
    const { directory, walSegSize, sync } = this.#options;
    const startLsn = segmentStart(position, walSegSize);
    if (this.#current?.startLsn === startLsn) return this.#current;
    const segment = SegmentFile.open(directory, startLsn, walSegSize, { sync });
    if (segment.created) this.#directoryDirty = true;
    this.#current = segment;
    return segment;
  }

  /** The file stays open until it has been flushed. */
  #complete(segment: SegmentFile): void {
    segment.complete();
    this.#directoryDirty = true;
    this.#current = undefined;
    if (!this.#options.sync) this.#release(segment);
  }

  #release(segment: SegmentFile): void {
    this.#dirty.delete(segment);
    segment.close();
  }

  /** A decoder that met bad bytes is of no use any more; the next one goes on behind the last good record. */
  #decode(begin: Lsn, wal: Buffer): void {
    try {
      this.#decoder?.push(begin, wal);
    } catch (error) {
      const end = this.#recordEnd();
      this.#decoder = this.#newDecoder(end);
      this.#writeLsn = end;
      throw error;
    }
  }

  #closeFiles(): void {
    const open = new Set(this.#dirty);
    if (this.#current !== undefined) open.add(this.#current);
    for (const segment of open) this.#release(segment);
    this.#current = undefined;
  }

  #startSync(): void {
    if (!this.#options.sync || this.#failure !== undefined) return;
    this.#syncing ??= this.#syncLoop()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  async #syncLoop(): Promise<void> {
    while (this.#dirty.size > 0 || this.#directoryDirty) {
      const epoch = this.#epoch;
      const target = this.#writtenRecordEnd();
      const files = [...this.#dirty];
      const withDirectory = this.#directoryDirty;
      this.#dirty.clear();
      this.#directoryDirty = false;
      await Promise.all(files.map((file) => file.flush()));
      if (withDirectory) await syncDirectory(this.#options.directory);
      for (const file of files) if (file !== this.#current && !this.#dirty.has(file)) file.close();
      if (epoch !== this.#epoch) continue;
      this.#moveFlushLsn(target);
      this.#options.onFlushed();
    }
  }
}

import { PAGE_FLAG, pageHeaderSize, pageMagic, WAL_PAGE_SIZE } from "./constants";
import { crc32c } from "./crc32c";

/** Smaller than Postgres allows, so that tests cross segments quickly. */
export const SEGMENT = 16 * 8192;

export interface WrittenRecord {
  lsn: bigint;
  end: bigint;
  length: number;
}

/** Writes WAL byte by byte as Postgres does, so slowly and simply that the decoder can be checked against it. */
export class WalWriter {
  readonly start: number;
  readonly written: WrittenRecord[] = [];
  #bytes: number[] = [];
  #previous: number;
  /** What the next page header says. */
  #flags = 0;
  #remaining = 0;

  /** Begins at `start`, 8-aligned; at the start of a page that page's header is the first thing written. */
  constructor(start: number, previous = 0) {
    this.start = start;
    this.#previous = previous;
  }

  get at(): number {
    return this.start + this.#bytes.length;
  }

  get bytes(): Buffer {
    return Buffer.from(this.#bytes);
  }

  record(length: number, rmid = 10, info = 0): WrittenRecord {
    const bytes = Buffer.alloc(length);
    // The data has no zero byte: a record that was cut off differs from one followed by zeros.
    for (let offset = 24; offset < length; offset += 1) bytes.writeUInt8((offset % 255) + 1, offset);
    return this.#append(bytes, rmid, info);
  }

  #append(bytes: Buffer, rmid: number, info: number): WrittenRecord {
    const { length } = bytes;
    const lsn = this.#startOfNext();
    writeHead(bytes, this.#previous, rmid, info);
    this.#write(bytes);
    this.#previous = lsn;
    while (this.at % 8 !== 0) this.#bytes.push(0);
    const record = { lsn: BigInt(lsn), end: BigInt(this.at), length };
    this.written.push(record);
    return record;
  }

  /** A record with main data and nothing else, of the resource manager for logical messages. */
  logicalMessage(body: Buffer): WrittenRecord {
    const head = Buffer.alloc(5);
    head.writeUInt8(254, 0);
    head.writeUInt32LE(body.length, 1);
    return this.#append(Buffer.concat([Buffer.alloc(24), head, body]), 21, 0);
  }

  /** XLOG_SWITCH: the rest of the segment is zeros, without page headers. */
  switch(): WrittenRecord {
    const record = this.record(24, 0, 0x40);
    while (this.at % SEGMENT !== 0) this.#bytes.push(0);
    record.end = BigInt(this.at);
    return record;
  }

  /** A writer that dies within a record, and the next one that says so in the header of the page it begins. */
  tornRecord(length: number): void {
    this.#startOfNext();
    const bytes = Buffer.alloc(length, 1);
    writeHead(bytes, this.#previous, 10, 0);
    this.#write(bytes, (WAL_PAGE_SIZE - (this.at % WAL_PAGE_SIZE)) % WAL_PAGE_SIZE);
    this.#flags = PAGE_FLAG.FIRST_IS_OVERWRITE_CONTRECORD;
  }

  /** A record that leaves exactly `room` bytes on the page behind its end. */
  recordUpTo(room: number): WrittenRecord {
    const start = this.at % WAL_PAGE_SIZE === 0 ? this.at + pageHeaderSize(this.at, SEGMENT) : this.at;
    const left = WAL_PAGE_SIZE - (start % WAL_PAGE_SIZE);
    return this.record(left - room >= 24 ? left - room : left + WAL_PAGE_SIZE - 24 - room);
  }

  #startOfNext(): number {
    if (this.at % WAL_PAGE_SIZE === 0) this.#header();
    return this.at;
  }

  #write(bytes: Buffer, limit = bytes.length): void {
    for (let offset = 0; offset < limit; offset += 1) {
      if (this.at % WAL_PAGE_SIZE === 0) {
        this.#flags = PAGE_FLAG.FIRST_IS_CONTRECORD;
        this.#remaining = bytes.length - offset;
        this.#header();
      }
      this.#bytes.push(bytes.readUInt8(offset));
    }
  }

  #header(): void {
    const size = pageHeaderSize(this.at, SEGMENT);
    const header = Buffer.alloc(size);
    header.writeUInt16LE(pageMagic(17), 0);
    header.writeUInt16LE(this.#flags | (size > 24 ? PAGE_FLAG.LONG_HEADER : 0), 2);
    header.writeUInt32LE(1, 4);
    header.writeBigUInt64LE(BigInt(this.at), 8);
    header.writeUInt32LE(this.#remaining, 16);
    if (size > 24) header.writeUInt32LE(SEGMENT, 32);
    if (size > 24) header.writeUInt32LE(WAL_PAGE_SIZE, 36);
    this.#bytes.push(...header);
    this.#flags = 0;
    this.#remaining = 0;
  }
}

function writeHead(bytes: Buffer, previous: number, rmid: number, info: number): void {
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt32LE(731, 4);
  bytes.writeBigUInt64LE(BigInt(previous), 8);
  bytes.writeUInt8(info, 16);
  bytes.writeUInt8(rmid, 17);
  bytes.writeUInt32LE(crc32c(bytes.subarray(24), bytes.subarray(0, 20)), 20);
}

import { Lsn } from "../../types";
import type { PgVersion } from "../../types";
import { PAGE_FLAG, pageHeaderSize, pageMagic, RECORD_HEADER_SIZE, RMGR, WAL_PAGE_SIZE } from "./constants";
import { recordChecksum } from "./crc32c";
import { PieceCollector } from "./piece-collector";

interface Position {
  start: number;
  end: number;
  length: number;
}

/** One whole record. `data()` is only valid inside of the callback that gets it. */
export class WalRecord {
  readonly rmid: number;
  readonly info: number;
  readonly xid: number;
  readonly length: number;
  readonly #start: number;
  readonly #end: number;
  readonly #prev: number;
  readonly #bytes: Buffer;
  readonly #offset: number;

  /** The record stands at `offset` in `bytes`. */
  constructor(bytes: Buffer, offset: number, { start, end, length }: Position) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#start = start;
    this.#end = end;
    this.#prev = previousOf(bytes, offset);
    this.length = length;
    this.rmid = bytes[offset + 17] ?? 0;
    this.info = bytes[offset + 16] ?? 0;
    this.xid = bytes.readUInt32LE(offset + 4);
  }

  /** The first byte of the record itself, after a page header if one stands before it. */
  get lsn(): Lsn {
    return BigInt(this.#start);
  }

  /** The boundary after it: 8-aligned, and the end of the page (not the next page's header) when it fills the page. */
  get end(): Lsn {
    return BigInt(this.#end);
  }

  /** The same as a number, for those who look at every record. */
  get endNumber(): number {
    return this.#end;
  }

  get prev(): Lsn {
    return BigInt(this.#prev);
  }

  /** The whole record with its header. */
  data(): Buffer {
    return this.#bytes.subarray(this.#offset, this.#offset + this.length);
  }
}

export interface WalDecoderOptions {
  /** A record boundary, in either form at the start of a page (before or after its header). */
  startLsn: Lsn;
  walSegSize: number;
  pgVersion: PgVersion;
  checkCrc?: boolean;
  onRecord?: (record: WalRecord) => void;
}

/** WAL that breaks PostgreSQL's format; in files it usually means: here the WAL ends. */
export class WalFormatError extends Error {
  readonly lsn: Lsn;

  constructor(lsn: number, message: string) {
    super(`invalid WAL at ${Lsn.format(BigInt(lsn))}: ${message}`);
    this.name = "WalFormatError";
    this.lsn = BigInt(lsn);
  }
}

const MAX_RECORD = 1020 * 1024 * 1024;
const align8 = (position: number): number => Math.ceil(position / 8) * 8;
const XLOG_SWITCH = 0x40;

/**
 * Finds records in a stream of WAL that comes in pieces of any size. Positions are kept as numbers, which are exact up
 * to 8 PiB of WAL. Throws WalFormatError for bytes that can't be WAL.
 */
export class WalDecoder {
  readonly #options: WalDecoderOptions;
  readonly #segSize: number;
  readonly #magic: number;
  /** The next byte that is expected. */
  #at: number;
  /** Padding after a record, or the rest of a segment after XLOG_SWITCH. */
  #skipUntil: number;
  #boundary: number;
  #previous = 0;
  readonly #record = new PieceCollector();
  /** Where the record that is being collected began. */
  #recordStart = 0;
  /** xl_tot_len of the record that is being collected, 0 before its first four bytes are there. */
  #wanted = 0;
  #header: Buffer = Buffer.alloc(0);
  /** A record whose padding, or the rest of whose segment, is still to come. */
  #finished: Buffer | undefined;

  constructor(options: WalDecoderOptions) {
    this.#options = options;
    this.#segSize = options.walSegSize;
    this.#magic = pageMagic(options.pgVersion);
    this.#at = Number(options.startLsn);
    this.#skipUntil = this.#at;
    this.#boundary = this.#at;
  }

  /** End of the last whole record, padding included: a boundary, and never beyond `position`. */
  get recordEnd(): Lsn {
    return BigInt(this.#boundary);
  }

  /** First byte of the last whole record; 0 when there was none yet. */
  get prevRecord(): Lsn {
    return BigInt(this.#previous);
  }

  /** The next byte that `push` expects. */
  get position(): Lsn {
    return BigInt(this.#at);
  }

  /** Takes the next bytes; those before `position` are passed over, and a gap is an error. */
  push(lsn: Lsn, bytes: Buffer): void {
    const start = Number(lsn);
    if (start > this.#at) throw new WalFormatError(this.#at, `the next piece starts at ${Lsn.format(lsn)}`);
    let offset = this.#at - start;
    while (offset < bytes.length) {
      offset = this.#takeWholeRecords(bytes, offset);
      if (offset === bytes.length) break;
      const taken = this.#take(bytes, offset);
      this.#at += taken;
      offset += taken;
      this.#advance();
    }
    // The caller may use its buffer again.
    this.#record.keep();
    if (this.#finished !== undefined) this.#finished = Buffer.from(this.#finished);
  }

  /** Takes the records that lie within one page and these bytes, without copying anything; returns the new offset. */
  #takeWholeRecords(bytes: Buffer, from: number): number {
    if (this.#at < this.#skipUntil || this.#header.length > 0 || this.#record.length > 0) return from;
    let offset = from;
    for (;;) {
      const room = Math.min(bytes.length - offset, (WAL_PAGE_SIZE - (this.#at % WAL_PAGE_SIZE)) % WAL_PAGE_SIZE);
      if (room < RECORD_HEADER_SIZE) return offset;
      const length = bytes.readUInt32LE(offset);
      const padded = (length + 7) & ~7;
      if (length < RECORD_HEADER_SIZE || padded > room || isSwitch(bytes, offset)) return offset;
      this.#checkRecord(bytes, offset, length);
      const start = this.#at;
      this.#at += padded;
      this.#skipUntil = this.#at;
      this.#deliver(bytes, offset, { start, end: this.#at, length });
      offset += padded;
    }
  }

  /** Consumes as much as belongs together and returns how many bytes that was (at least one). */
  #take(bytes: Buffer, offset: number): number {
    const available = bytes.length - offset;
    if (this.#at < this.#skipUntil) return Math.min(available, this.#skipUntil - this.#at);
    const inPage = this.#at % WAL_PAGE_SIZE;
    if (inPage === 0 || this.#header.length > 0) return this.#takeHeader(bytes, offset);
    if (this.#record.length === 0) this.#recordStart = this.#at;
    const missing = (this.#wanted === 0 ? 4 : this.#wanted) - this.#record.length;
    const taken = Math.min(available, missing, WAL_PAGE_SIZE - inPage);
    this.#record.add(bytes.subarray(offset, offset + taken));
    return taken;
  }

  #takeHeader(bytes: Buffer, offset: number): number {
    const pageStart = this.#at - (this.#at % WAL_PAGE_SIZE);
    const missing = pageHeaderSize(pageStart, this.#segSize) - this.#header.length;
    const taken = Math.min(missing, bytes.length - offset);
    this.#header = Buffer.concat([this.#header, bytes.subarray(offset, offset + taken)]);
    if (taken === missing) {
      this.#checkHeader(this.#header, pageStart);
      this.#header = Buffer.alloc(0);
    }
    return taken;
  }

  #checkHeader(header: Buffer, pageStart: number): void {
    const magic = header.readUInt16LE(0);
    if (magic !== this.#magic) throw new WalFormatError(pageStart, `page magic ${magic.toString(16).toUpperCase()}`);
    const address = header.readBigUInt64LE(8);
    if (address !== BigInt(pageStart)) throw new WalFormatError(pageStart, `page address ${Lsn.format(address)}`);
    if (pageStart % this.#segSize === 0) this.#checkLongHeader(header, pageStart);
    const flags = header.readUInt16LE(2);
    if ((flags & PAGE_FLAG.FIRST_IS_OVERWRITE_CONTRECORD) !== 0) return this.#dropPartial();
    const continues = (flags & PAGE_FLAG.FIRST_IS_CONTRECORD) !== 0;
    if (continues !== this.#record.length > 0) {
      throw new WalFormatError(
        pageStart,
        continues ? "a record continues that never began" : "a record does not continue",
      );
    }
    const remaining = header.readUInt32LE(16);
    const missing = this.#wanted - this.#record.length;
    if (continues && remaining !== missing) {
      throw new WalFormatError(pageStart, `${remaining} bytes remain of a record, not ${missing}`);
    }
  }

  #checkLongHeader(header: Buffer, pageStart: number): void {
    const isLong = (header.readUInt16LE(2) & PAGE_FLAG.LONG_HEADER) !== 0;
    if (!isLong) throw new WalFormatError(pageStart, "the first page of a segment has a short header");
    const segSize = header.readUInt32LE(32);
    if (segSize !== this.#segSize) throw new WalFormatError(pageStart, `segments of ${segSize} bytes`);
  }

  /** The record before was never finished: its writer crashed, and the next one overwrote what was to follow. */
  #dropPartial(): void {
    this.#record.clear();
    this.#wanted = 0;
  }

  #advance(): void {
    if (this.#wanted === 0 && this.#record.length === 4) this.#wanted = this.#recordLength();
    if (this.#wanted !== 0 && this.#record.length === this.#wanted) this.#finishRecord();
    if (this.#finished === undefined || this.#at !== this.#skipUntil) return;
    const data = this.#finished;
    this.#finished = undefined;
    this.#deliver(data, 0, { start: this.#recordStart, end: this.#at, length: data.length });
  }

  #recordLength(): number {
    const length = this.#record.bytes().readUInt32LE(0);
    if (length < RECORD_HEADER_SIZE || length > MAX_RECORD) {
      throw new WalFormatError(this.#recordStart, `record length ${length}`);
    }
    return length;
  }

  #finishRecord(): void {
    const data = this.#record.bytes();
    this.#checkRecord(data, 0, data.length);
    this.#dropPartial();
    this.#skipUntil = isSwitch(data, 0) ? Math.ceil(this.#at / this.#segSize) * this.#segSize : align8(this.#at);
    this.#finished = data;
  }

  #deliver(bytes: Buffer, offset: number, position: Position): void {
    this.#boundary = position.end;
    this.#previous = position.start;
    this.#options.onRecord?.(new WalRecord(bytes, offset, position));
  }

  /** The record that stands at `offset` in `bytes` and at the decoder's position in the WAL. */
  #checkRecord(bytes: Buffer, offset: number, length: number): void {
    const start = this.#record.length === 0 ? this.#at : this.#recordStart;
    const prev = previousOf(bytes, offset);
    const wrong = this.#previous === 0 ? prev >= start : prev !== this.#previous;
    if (wrong) throw new WalFormatError(start, `xl_prev ${Lsn.format(BigInt(prev))}`);
    if (this.#options.checkCrc !== true) return;
    const crc = recordChecksum(bytes, offset, length);
    if (crc !== bytes.readUInt32LE(offset + 20)) throw new WalFormatError(start, "record checksum");
  }
}

/** xl_prev, exact up to 8 PiB of WAL. */
function previousOf(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset + 8) + bytes.readUInt32LE(offset + 12) * 0x1_0000_0000;
}

/** Whether the rest of the record's segment is empty. */
function isSwitch(bytes: Buffer, offset: number): boolean {
  return bytes[offset + 17] === RMGR.XLOG && ((bytes[offset + 16] ?? 0) & 0xf0) === XLOG_SWITCH;
}

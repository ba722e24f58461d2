import { crc32c } from "@node-rs/crc32";
import type { Lsn } from "../../../types";

const PAGE = 8192n;
const SHORT_HEADER = 24;
const LONG_HEADER = 40;
const RECORD_HEADER = 24;
const MAGIC_17 = 0xd116;
const FIRST_IS_CONTRECORD = 1;
const LONG_HEADER_FLAG = 2;
const XLOG_NOOP = 0x20;
const DATA_LONG = 254;

export interface WalBuilderOptions {
  startLsn: Lsn;
  walSegSize?: number;
  systemId?: bigint;
  /** Start of the record before `startLsn`. */
  previous?: Lsn;
}

/** Makes WAL that Postgres 17 would take: pages with headers, records with xl_prev and CRC. Independent of our decoder. */
export class WalBuilder {
  readonly startLsn: Lsn;
  readonly #walSegSize: bigint;
  readonly #systemId: bigint;
  readonly #chunks: Buffer[] = [];
  #position: Lsn;
  #previous: Lsn;
  #counter = 0;

  constructor(options: WalBuilderOptions) {
    this.startLsn = options.startLsn;
    this.#position = options.startLsn;
    this.#walSegSize = BigInt(options.walSegSize ?? 1024 * 1024);
    this.#previous = options.previous ?? 0n;
    this.#systemId = options.systemId ?? 7n;
  }

  /** End of the last record, aligned. */
  get end(): Lsn {
    return this.#position;
  }

  /** Adds one record with `payloadBytes` of data; returns its end. */
  record(payloadBytes: number, fill?: string): Lsn {
    if (this.#position % PAGE === 0n) this.#pageHeader(0);
    const start = this.#position;
    this.#put(this.#encodeRecord(payloadBytes, fill));
    this.#previous = start;
    this.#pad();
    return this.#position;
  }

  /** Adds records until at least `bytes` more WAL exists. */
  fill(bytes: number, payloadBytes = 1000): Lsn {
    for (const target = this.#position + BigInt(bytes); this.#position < target;) this.record(payloadBytes);
    return this.#position;
  }

  /** The bytes from `from` up to `to`, by default everything. */
  bytes(from: Lsn = this.startLsn, to: Lsn = this.#position): Buffer {
    return Buffer.concat(this.#chunks).subarray(Number(from - this.startLsn), Number(to - this.startLsn));
  }

  #encodeRecord(payloadBytes: number, fill = `record ${this.#counter} `): Buffer {
    this.#counter += 1;
    const record = Buffer.alloc(RECORD_HEADER + 5 + payloadBytes);
    record.writeUInt8(DATA_LONG, RECORD_HEADER);
    record.writeUInt32LE(payloadBytes, RECORD_HEADER + 1);
    record.fill(fill, RECORD_HEADER + 5);
    record.writeUInt32LE(record.length, 0);
    record.writeBigUInt64LE(this.#previous, 8);
    record.writeUInt8(XLOG_NOOP, 16);
    record.writeUInt32LE(crc32c(record.subarray(0, 20), crc32c(record.subarray(RECORD_HEADER))), 20);
    return record;
  }

  #put(record: Buffer): void {
    for (let done = 0; done < record.length;) {
      if (this.#position % PAGE === 0n) this.#pageHeader(record.length - done);
      const room = Number(PAGE - (this.#position % PAGE));
      const piece = record.subarray(done, done + room);
      this.#emit(piece);
      done += piece.length;
    }
  }

  #pad(): void {
    this.#emit(Buffer.alloc(Number((8n - (this.#position % 8n)) % 8n)));
  }

  #pageHeader(remaining: number): void {
    const long = this.#position % this.#walSegSize === 0n;
    const header = Buffer.alloc(long ? LONG_HEADER : SHORT_HEADER);
    header.writeUInt16LE(MAGIC_17, 0);
    header.writeUInt16LE((remaining > 0 ? FIRST_IS_CONTRECORD : 0) | (long ? LONG_HEADER_FLAG : 0), 2);
    header.writeUInt32LE(1, 4);
    header.writeBigUInt64LE(this.#position, 8);
    header.writeUInt32LE(remaining, 16);
    if (long) {
      header.writeBigUInt64LE(this.#systemId, 24);
      header.writeUInt32LE(Number(this.#walSegSize), 32);
      header.writeUInt32LE(Number(PAGE), 36);
    }
    this.#emit(header);
  }

  #emit(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#position += BigInt(bytes.length);
  }
}

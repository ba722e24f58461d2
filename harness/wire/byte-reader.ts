import { ProtocolError } from "./errors";

/** Reads fixed-width numbers and strings in order; throws ProtocolError when the buffer is too short. */
export class ByteReader {
  readonly buffer: Buffer;
  #offset: number;

  constructor(buffer: Buffer, offset = 0) {
    this.buffer = buffer;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.buffer.length - this.#offset;
  }

  u8(): number {
    return this.buffer.readUInt8(this.#take(1));
  }

  u16be(): number {
    return this.buffer.readUInt16BE(this.#take(2));
  }

  i16be(): number {
    return this.buffer.readInt16BE(this.#take(2));
  }

  u32be(): number {
    return this.buffer.readUInt32BE(this.#take(4));
  }

  i32be(): number {
    return this.buffer.readInt32BE(this.#take(4));
  }

  u64be(): bigint {
    return this.buffer.readBigUInt64BE(this.#take(8));
  }

  i64be(): bigint {
    return this.buffer.readBigInt64BE(this.#take(8));
  }

  u16le(): number {
    return this.buffer.readUInt16LE(this.#take(2));
  }

  u32le(): number {
    return this.buffer.readUInt32LE(this.#take(4));
  }

  i32le(): number {
    return this.buffer.readInt32LE(this.#take(4));
  }

  u64le(): bigint {
    return this.buffer.readBigUInt64LE(this.#take(8));
  }

  i64le(): bigint {
    return this.buffer.readBigInt64LE(this.#take(8));
  }

  /** The next `count` bytes, sharing memory with the buffer. */
  bytes(count: number): Buffer {
    const start = this.#take(count);
    return this.buffer.subarray(start, start + count);
  }

  /** Everything that is left, sharing memory with the buffer. */
  rest(): Buffer {
    return this.bytes(this.remaining);
  }

  cstring(): string {
    const end = this.buffer.indexOf(0, this.#offset);
    if (end < 0) throw new ProtocolError("string without its terminating zero byte");
    const text = this.buffer.toString("utf8", this.#offset, end);
    this.#offset = end + 1;
    return text;
  }

  #take(count: number): number {
    const start = this.#offset;
    if (count < 0 || start + count > this.buffer.length) {
      throw new ProtocolError(`message too short: ${count} bytes wanted, ${this.remaining} left`);
    }
    this.#offset = start + count;
    return start;
  }
}

/** Builds a message from fixed-width numbers and strings; grows by doubling. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(initialCapacity = 128) {
    this.#buffer = Buffer.allocUnsafe(initialCapacity);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    // The offset is taken first everywhere, because growing replaces the buffer.
    const offset = this.#grow(1);
    this.#buffer.writeUInt8(value, offset);
    return this;
  }

  u16be(value: number): this {
    const offset = this.#grow(2);
    this.#buffer.writeUInt16BE(value, offset);
    return this;
  }

  i16be(value: number): this {
    const offset = this.#grow(2);
    this.#buffer.writeInt16BE(value, offset);
    return this;
  }

  u32be(value: number): this {
    const offset = this.#grow(4);
    this.#buffer.writeUInt32BE(value, offset);
    return this;
  }

  i32be(value: number): this {
    const offset = this.#grow(4);
    this.#buffer.writeInt32BE(value, offset);
    return this;
  }

  u64be(value: bigint): this {
    const offset = this.#grow(8);
    this.#buffer.writeBigUInt64BE(value, offset);
    return this;
  }

  i64be(value: bigint): this {
    const offset = this.#grow(8);
    this.#buffer.writeBigInt64BE(value, offset);
    return this;
  }

  u16le(value: number): this {
    const offset = this.#grow(2);
    this.#buffer.writeUInt16LE(value, offset);
    return this;
  }

  u32le(value: number): this {
    const offset = this.#grow(4);
    this.#buffer.writeUInt32LE(value, offset);
    return this;
  }

  i32le(value: number): this {
    const offset = this.#grow(4);
    this.#buffer.writeInt32LE(value, offset);
    return this;
  }

  u64le(value: bigint): this {
    const offset = this.#grow(8);
    this.#buffer.writeBigUInt64LE(value, offset);
    return this;
  }

  i64le(value: bigint): this {
    const offset = this.#grow(8);
    this.#buffer.writeBigInt64LE(value, offset);
    return this;
  }

  bytes(value: Uint8Array): this {
    const offset = this.#grow(value.length);
    this.#buffer.set(value, offset);
    return this;
  }

  cstring(value: string): this {
    return this.bytes(Buffer.from(value, "utf8")).u8(0);
  }

  /** Overwrites four bytes written earlier: for a length that is known only at the end. */
  patchI32be(offset: number, value: number): this {
    this.#buffer.writeInt32BE(value, offset);
    return this;
  }

  /** What was written; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(count: number): number {
    const offset = this.#length;
    const needed = offset + count;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, offset);
      this.#buffer = larger;
    }
    this.#length = needed;
    return offset;
  }
}

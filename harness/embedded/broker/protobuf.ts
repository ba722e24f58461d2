/** The two wire types that the broker's messages use: varint (u64, bool, enum) and length-delimited. */
export type ProtobufValue = bigint | Buffer;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

function varintBytes(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return bytes;
}

/** Builds one protobuf message; as in proto3, zero and empty values are left out unless they are `always` wanted. */
export class ProtobufWriter {
  readonly #parts: Buffer[] = [];

  u64(field: number, value: bigint): this {
    if (value !== 0n)
      this.#parts.push(Buffer.from([...varintBytes(BigInt((field << 3) | VARINT)), ...varintBytes(value)]));
    return this;
  }

  bytes(field: number, value: Buffer, presence: "always" | "unless empty" = "unless empty"): this {
    if (value.length === 0 && presence === "unless empty") return this;
    this.#parts.push(Buffer.from([(field << 3) | BYTES, ...varintBytes(BigInt(value.length))]), value);
    return this;
  }

  string(field: number, value: string | undefined): this {
    return value === undefined ? this : this.bytes(field, Buffer.from(value));
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

class Cursor {
  offset = 0;
  readonly #buffer: Buffer;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get done(): boolean {
    return this.offset >= this.#buffer.length;
  }

  varint(): bigint {
    for (let value = 0n, shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#buffer[this.offset++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Error("protobuf: broken varint");
  }

  take(length: number): Buffer {
    const end = this.offset + length;
    if (end > this.#buffer.length) throw new Error("protobuf: message is cut short");
    const taken = this.#buffer.subarray(this.offset, end);
    this.offset = end;
    return taken;
  }
}

/** The fields of one message in order; fixed-width fields are passed over, as no message of ours has any. Throws on broken input. */
export function* protobufFields(buffer: Buffer): Generator<[field: number, value: ProtobufValue]> {
  const cursor = new Cursor(buffer);
  while (!cursor.done) {
    const tag = Number(cursor.varint());
    const field = tag >>> 3;
    const wireType = tag & 7;
    if (wireType === VARINT) yield [field, cursor.varint()];
    else if (wireType === BYTES) yield [field, cursor.take(Number(cursor.varint()))];
    else if (wireType === FIXED64) cursor.take(8);
    else if (wireType === FIXED32) cursor.take(4);
    else throw new Error(`protobuf: unknown wire type ${wireType}`);
  }
}

/** The last value of each field, which is what protobuf says of a repeated singular field. */
export function protobufRecord(buffer: Buffer): Map<number, ProtobufValue> {
  return new Map(protobufFields(buffer));
}

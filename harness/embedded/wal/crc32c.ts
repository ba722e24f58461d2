import { crc32c as native } from "@node-rs/crc32";

/** CRC-32C of the buffers one after the other, as PostgreSQL uses it. */
export function crc32c(...buffers: readonly Buffer[]): number {
  return buffers.reduce<number>((crc, buffer) => native(buffer, crc), 0);
}

/** The checksum of what `crc` is the checksum of, with the buffer behind it. */
export const continueCrc32c = (crc: number, buffer: Buffer): number => native(buffer, crc);

const POLYNOMIAL = 0x82f63b78;
const TABLES = 4;
/** Below this a call of the native function, with the views that it needs, takes longer than the loop here. */
const SMALL = 320;
const RECORD_HEADER = 24;
/** The part of a record's header that its checksum covers. */
const HEADER_COVERED = 20;

/** For slicing by four: table n is for the byte that stands n before the last of four. */
const tables = Array.from({ length: TABLES }, () => new Int32Array(256));
const [T0, T1, T2, T3] = tables as [Int32Array, Int32Array, Int32Array, Int32Array];
for (let byte = 0; byte < 256; byte += 1) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
  T0[byte] = crc;
}
for (let byte = 0; byte < 256; byte += 1) {
  for (let table = 1; table < TABLES; table += 1) {
    const before = (tables[table - 1] as Int32Array)[byte] ?? 0;
    (tables[table] as Int32Array)[byte] = (before >>> 8) ^ (T0[before & 0xff] ?? 0);
  }
}

function update(start: number, bytes: Uint8Array, from: number, to: number): number {
  let crc = start;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (T3[crc & 0xff] as number) ^
      (T2[(crc >>> 8) & 0xff] as number) ^
      (T1[(crc >>> 16) & 0xff] as number) ^
      (T0[crc >>> 24] as number);
  }
  for (; at < to; at += 1) crc = (crc >>> 8) ^ (T0[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return crc;
}

/** The checksum that the WAL record of `length` bytes at `offset` must carry: of its data, then of its header. */
export function recordChecksum(bytes: Buffer, offset: number, length: number): number {
  if (length > SMALL) {
    const header = bytes.subarray(offset, offset + HEADER_COVERED);
    return crc32c(bytes.subarray(offset + RECORD_HEADER, offset + length), header);
  }
  const data = update(-1, bytes, offset + RECORD_HEADER, offset + length);
  return (update(data, bytes, offset, offset + HEADER_COVERED) ^ -1) >>> 0;
}

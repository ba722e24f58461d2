import { crc32c as native } from "@node-rs/crc32";

/** CRC-32C of the buffers one after the other, as PostgreSQL uses it. */
export function crc32c(...buffers: readonly Buffer[]): number {
  return buffers.reduce<number>((crc, buffer) => native(buffer, crc), 0);
}

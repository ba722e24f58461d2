import type { Lsn } from "../../types";

const hex8 = (value: bigint): string => value.toString(16).toUpperCase().padStart(8, "0");

/** The name of the segment file that holds `lsn`, e.g. `000000010000000000000005`. */
export function segmentFileName(lsn: Lsn, walSegSize: number, timeline = 1): string {
  const number = lsn / BigInt(walSegSize);
  const perHighHalf = 0x1_0000_0000n / BigInt(walSegSize);
  return hex8(BigInt(timeline)) + hex8(number / perHighHalf) + hex8(number % perHighHalf);
}

/** First byte of the segment that holds `lsn`. */
export function segmentStart(lsn: Lsn, walSegSize: number): Lsn {
  return lsn - (lsn % BigInt(walSegSize));
}

/** Bytes between the start of the segment and `lsn`. */
export function segmentOffset(lsn: Lsn, walSegSize: number): number {
  return Number(lsn % BigInt(walSegSize));
}

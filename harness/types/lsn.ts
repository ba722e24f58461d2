import { HarnessError } from "./errors";

/** A position in the WAL: an unsigned 64-bit byte offset. Compare and subtract with plain bigint arithmetic. */
export type Lsn = bigint;

const MAX = 0xffff_ffff_ffff_ffffn;
const LSN_TEXT = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/;

function parse(text: string): Lsn {
  const match = LSN_TEXT.exec(text);
  if (match === null) {
    throw new HarnessError("BAD_VALUE", {
      summary: "this is not an LSN",
      expected: "two hexadecimal halves such as 0/16B5A50",
      found: JSON.stringify(text),
    });
  }
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}

function format(lsn: Lsn): string {
  if (lsn < 0n || lsn > MAX) {
    throw new HarnessError("BAD_VALUE", {
      summary: "this number is no LSN",
      expected: "an unsigned 64-bit number",
      found: String(lsn),
    });
  }
  const high = lsn >> 32n;
  const low = lsn & 0xffff_ffffn;
  return `${high.toString(16)}/${low.toString(16)}`.toUpperCase();
}

/** `parse` takes and `format` gives Postgres' own text form: upper case, no padding (`0/16B5A50`). */
export const Lsn = { parse, format, INVALID: 0n, MAX } as const;

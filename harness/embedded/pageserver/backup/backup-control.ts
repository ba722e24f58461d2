import type { Lsn, PgVersion } from "../../../types";
import {
  LONG_PAGE_HEADER_SIZE,
  PAGE_FLAG,
  PAGE_HEADER_SIZE,
  pageHeaderSize,
  pageMagic,
  WAL_PAGE_SIZE,
} from "../../wal/constants";
import { crc32c } from "../../wal/crc32c";
import { segmentOffset, segmentStart } from "../../wal/segments";

/** Offsets in pg_control, the same in PostgreSQL 14 to 17. */
const CONTROL = { state: 16, checkpoint: 32, redo: 40, crc: 288 } as const;
const SHUT_DOWN = 1;

/** Where the first record at or behind `lsn` can stand: behind the header when a page begins there. */
function firstRecordAt(lsn: Lsn, walSegSize: number): Lsn {
  const aligned = (lsn + 7n) & ~7n;
  if (aligned % BigInt(WAL_PAGE_SIZE) !== 0n) return aligned;
  return aligned + BigInt(pageHeaderSize(segmentOffset(aligned, walSegSize), walSegSize));
}

/** pg_control as Neon's basebackup has it: cleanly shut down, to go on at `lsn`, with no checkpoint record to look for. */
export function controlAt(file: Buffer, lsn: Lsn, walSegSize: number): Buffer {
  const patched = Buffer.from(file);
  patched.writeUInt32LE(SHUT_DOWN, CONTROL.state);
  patched.writeBigUInt64LE(0n, CONTROL.checkpoint);
  patched.writeBigUInt64LE(firstRecordAt(lsn, walSegSize), CONTROL.redo);
  patched.writeUInt32LE(crc32c(patched.subarray(0, CONTROL.crc)), CONTROL.crc);
  return patched;
}

export interface EmptySegment {
  readonly lsn: Lsn;
  readonly systemId: bigint;
  readonly pgVersion: PgVersion;
  readonly walSegSize: number;
}

/**
 * The WAL segment of `lsn` with nothing but page headers: of its first page and of the page of `lsn`, which pretends that
 * a record which began earlier ends there.
 */
export function emptySegment({ lsn, systemId, pgVersion, walSegSize }: EmptySegment): Buffer {
  const segment = Buffer.alloc(walSegSize);
  const start = segmentStart(lsn, walSegSize);
  const offset = segmentOffset(lsn, walSegSize);
  const inFirstPage = offset < WAL_PAGE_SIZE;
  const header = (at: number, flags: number, remaining: number): void => {
    segment.writeUInt16LE(pageMagic(pgVersion), at);
    segment.writeUInt16LE(flags | (remaining > 0 ? PAGE_FLAG.FIRST_IS_CONTRECORD : 0), at + 2);
    segment.writeUInt32LE(1, at + 4);
    segment.writeBigUInt64LE(start + BigInt(at), at + 8);
    segment.writeUInt32LE(Math.max(0, remaining), at + 16);
  };
  header(0, PAGE_FLAG.LONG_HEADER, inFirstPage ? offset - LONG_PAGE_HEADER_SIZE : 0);
  segment.writeBigUInt64LE(systemId, 24);
  segment.writeUInt32LE(walSegSize, 32);
  segment.writeUInt32LE(WAL_PAGE_SIZE, 36);
  if (!inFirstPage) {
    const page = offset - (offset % WAL_PAGE_SIZE);
    header(page, 0, (offset % WAL_PAGE_SIZE) - PAGE_HEADER_SIZE);
  }
  return segment;
}

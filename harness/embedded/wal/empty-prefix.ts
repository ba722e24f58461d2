import type { Lsn, PgVersion } from "../../types";
import { LONG_PAGE_HEADER_SIZE, PAGE_FLAG, PAGE_HEADER_SIZE, pageMagic, WAL_PAGE_SIZE } from "./constants";
import { segmentOffset, segmentStart } from "./segments";

/**
 * The bytes from the segment's start up to `lsn` for a segment of which only what follows is known. Whoever reads it looks
 * at the headers of the first page and of the page with `lsn`; the rest is zeros.
 */
export function emptyPrefix(lsn: Lsn, wal: { systemId: bigint; walSegSize: number; pgVersion: PgVersion }): Buffer {
  const length = segmentOffset(lsn, wal.walSegSize);
  const start = segmentStart(lsn, wal.walSegSize);
  const prefix = Buffer.alloc(length);
  const pages = new Set([0, length - (length % WAL_PAGE_SIZE)]);
  for (const page of pages) {
    const room = page === 0 ? LONG_PAGE_HEADER_SIZE : PAGE_HEADER_SIZE;
    if (page + room > length) continue;
    prefix.writeUInt16LE(pageMagic(wal.pgVersion), page);
    prefix.writeUInt16LE(page === 0 ? PAGE_FLAG.LONG_HEADER : 0, page + 2);
    prefix.writeUInt32LE(1, page + 4);
    prefix.writeBigUInt64LE(start + BigInt(page), page + 8);
    if (page > 0) continue;
    prefix.writeBigUInt64LE(wal.systemId, 24);
    prefix.writeUInt32LE(wal.walSegSize, 32);
    prefix.writeUInt32LE(WAL_PAGE_SIZE, 36);
  }
  return prefix;
}

import type { Lsn } from "../../types";
import { PAGE_FLAG, pageHeaderSize, WAL_PAGE_SIZE } from "./constants";

const align8 = (position: number): number => Math.ceil(position / 8) * 8;

/**
 * Where the first record begins that begins in these pages, which follow `start` (a page's start) in the WAL. A page says
 * how much of an earlier record it continues with. Undefined when there is none, or it begins just behind the pages.
 */
export function firstRecordStart(pages: Buffer, start: Lsn, walSegSize: number): Lsn | undefined {
  for (let page = 0; page + WAL_PAGE_SIZE <= pages.length; page += WAL_PAGE_SIZE) {
    const position = Number((start + BigInt(page)) % BigInt(walSegSize));
    const header = pageHeaderSize(position, walSegSize);
    const continues = (pages.readUInt16LE(page + 2) & PAGE_FLAG.FIRST_IS_CONTRECORD) !== 0;
    const rest = continues ? pages.readUInt32LE(page + 16) : 0;
    if (header + align8(rest) < WAL_PAGE_SIZE) return start + BigInt(page + align8(header + rest));
  }
  return undefined;
}

import type { PgVersion } from "../../types";

/** XLOG_BLCKSZ: the size of a WAL page in bytes. */
export const WAL_PAGE_SIZE = 8192;
/** The engine's segments; small ones make a timeline's directory lighter on every safekeeper. */
export const DEFAULT_WAL_SEGMENT_SIZE = 1024 * 1024;

/** XLogPageHeaderData, and XLogLongPageHeaderData at the start of each segment. */
export const PAGE_HEADER_SIZE = 24;
export const LONG_PAGE_HEADER_SIZE = 40;
/** XLogRecord without its data. */
export const RECORD_HEADER_SIZE = 24;

export const PAGE_FLAG = { FIRST_IS_CONTRECORD: 0x1, LONG_HEADER: 0x2, FIRST_IS_OVERWRITE_CONTRECORD: 0x8 } as const;

/** Resource managers whose records the engine looks into. */
export const RMGR = { XLOG: 0, XACT: 1, LOGICAL_MESSAGE: 21 } as const;

const PAGE_MAGIC: Readonly<Record<PgVersion, number>> = { 14: 0xd10d, 15: 0xd110, 16: 0xd113, 17: 0xd116 };

/** XLOG_PAGE_MAGIC of a major version. */
export const pageMagic = (version: PgVersion): number => PAGE_MAGIC[version];

/** Bytes that the page header takes at a position that is the start of a page. */
export function pageHeaderSize(pageStart: number, walSegSize: number): number {
  return pageStart % walSegSize === 0 ? LONG_PAGE_HEADER_SIZE : PAGE_HEADER_SIZE;
}

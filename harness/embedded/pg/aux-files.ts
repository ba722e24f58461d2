import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import type { Lsn } from "../../types";
import { pageHeaderSize, WAL_PAGE_SIZE } from "../wal/constants";
import { WalDecoder, type WalRecord } from "../wal/decoder";
import { logicalMessageOf } from "../wal/logical-message";
import { firstRecordStart } from "../wal/page-boundaries";
import { segmentFileName, segmentStart } from "../wal/segments";
import type { BaseFacts } from "./base-tar";

/** A logical message with it carries a file that Postgres itself doesn't write to its WAL; no content: the file is gone. */
export const AUX_PREFIX = "neon-file:";

/**
 * Where a data directory keeps such files for whoever starts a server in it. Postgres doesn't look there, so the servers
 * that only replay WAL leave them alone, and images carry them on.
 */
export const AUX_DIRECTORY = "neon_aux";

/** The files of a data directory below AUX_DIRECTORY, by their names there. */
export function readAuxFiles(dataDir: string): Map<string, Buffer> {
  const root = join(dataDir, AUX_DIRECTORY);
  const entries = readdirSync(dataDir).includes(AUX_DIRECTORY)
    ? readdirSync(root, { recursive: true, withFileTypes: true })
    : [];
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [path.slice(root.length + 1), readFileSync(path)]));
}

/**
 * Brings them from the image's LSN to that of the base, with the messages that the WAL between has. Decoding costs a hundred
 * times what looking for the prefix does, and hardly any timeline has such files: so only the WAL around one is decoded.
 */
export function replayAuxFiles(dataDir: string, facts: BaseFacts): void {
  const { walSegSize, pgVersion, imageLsn, lsn } = facts;
  const onRecord = (record: WalRecord): void => {
    const message = logicalMessageOf(record);
    if (message?.prefix.startsWith(AUX_PREFIX) !== true) return;
    writeAuxFile(join(dataDir, AUX_DIRECTORY), message.prefix.slice(AUX_PREFIX.length), message.content);
  };
  // Where decoding may begin: before whatever record the next segment's first mention can stand in.
  let boundary = imageLsn;
  let decoder: WalDecoder | undefined;
  let mentioned = imageLsn;
  let previous: Buffer = Buffer.alloc(0);
  for (let start = segmentStart(imageLsn, walSegSize); start < lsn; start += BigInt(walSegSize)) {
    const bytes = readSegment(dataDir, start, facts);
    const end = start + BigInt(bytes.length);
    if (mentions(bytes, previous, start, walSegSize)) {
      decoder ??= new WalDecoder({ startLsn: boundary, walSegSize, pgVersion, onRecord });
      mentioned = end;
    }
    while (decoder !== undefined && decoder.position < end) {
      const at = segmentStart(decoder.position, walSegSize);
      decoder.push(decoder.position, readSegment(dataDir, at, facts).subarray(Number(decoder.position - at)));
    }
    if (decoder !== undefined && decoder.recordEnd >= mentioned) decoder = undefined;
    const first = firstRecordStart(bytes, start, walSegSize);
    if (first !== undefined && first > boundary) boundary = first;
    previous = bytes;
  }
}

/** What the segment's file holds up to the end of the base's WAL. */
function readSegment(dataDir: string, start: Lsn, { walSegSize, lsn }: BaseFacts): Buffer {
  const file = readFileSync(join(dataDir, "pg_wal", segmentFileName(start, walSegSize)));
  return file.subarray(0, Number(lsn - start));
}

/** Whether the prefix stands in these pages, or begins at the end of one and goes on behind the next one's header. */
function mentions(pages: Buffer, before: Buffer, start: Lsn, walSegSize: number): boolean {
  if (pages.includes(AUX_PREFIX)) return true;
  const overlap = AUX_PREFIX.length - 1;
  for (let page = 0; page < pages.length; page += WAL_PAGE_SIZE) {
    const end = page === 0 ? before.subarray(-overlap) : pages.subarray(page - overlap, page);
    const header = pageHeaderSize(Number((start + BigInt(page)) % BigInt(walSegSize)), walSegSize);
    if (Buffer.concat([end, pages.subarray(page + header, page + header + overlap)]).includes(AUX_PREFIX)) return true;
  }
  return false;
}

function writeAuxFile(root: string, name: string, content: Buffer): void {
  const path = normalize(name);
  // The WAL is what a client of the database has written: it must not lead anywhere else.
  if (path.startsWith("..") || path.startsWith("/") || path === ".") return;
  const target = join(root, path);
  if (content.length === 0) return rmSync(target, { recursive: true, force: true });
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  writeFileSync(target, content, { mode: 0o600 });
}

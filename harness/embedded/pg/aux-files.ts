import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import type { Lsn } from "../../types";
import { WAL_PAGE_SIZE } from "../wal/constants";
import { WalDecoder, type WalRecord } from "../wal/decoder";
import { logicalMessageOf } from "../wal/logical-message";
import { firstRecordStart } from "../wal/page-boundaries";
import { segmentFileName, segmentOffset, segmentStart } from "../wal/segments";
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

/** Brings them from the image's LSN to that of the base, with the messages that the WAL between has. */
export function replayAuxFiles(dataDir: string, facts: BaseFacts): void {
  const start = firstMention(dataDir, facts);
  if (start === undefined) return;
  const { walSegSize, pgVersion, lsn } = facts;
  const onRecord = (record: WalRecord): void => {
    const message = logicalMessageOf(record);
    if (message?.prefix.startsWith(AUX_PREFIX) !== true) return;
    writeAuxFile(join(dataDir, AUX_DIRECTORY), message.prefix.slice(AUX_PREFIX.length), message.content);
  };
  const decoder = new WalDecoder({ startLsn: start, walSegSize, pgVersion, onRecord });
  while (decoder.position < lsn) {
    const segment = readSegment(dataDir, decoder.position, walSegSize);
    const end = lsn - segmentStart(decoder.position, walSegSize);
    decoder.push(decoder.position, segment.subarray(segmentOffset(decoder.position, walSegSize), Number(end)));
  }
}

const readSegment = (dataDir: string, lsn: Lsn, walSegSize: number): Buffer =>
  readFileSync(join(dataDir, "pg_wal", segmentFileName(lsn, walSegSize)));

/**
 * A record boundary from which on every such message is found; undefined when there is none. Decoding costs a hundred
 * times what looking for the prefix does, and hardly any timeline has such files.
 */
function firstMention(dataDir: string, { imageLsn, lsn, walSegSize }: BaseFacts): Lsn | undefined {
  let boundary = imageLsn;
  for (let at = segmentStart(imageLsn, walSegSize); at < lsn; at += BigInt(walSegSize)) {
    const segment = readSegment(dataDir, at, walSegSize);
    if (mentions(segment)) return boundary;
    // The next segment's first message may begin in this one.
    const inside = firstRecordStart(segment, at, walSegSize);
    if (inside !== undefined && inside > boundary) boundary = inside;
  }
  return undefined;
}

/** Whether the prefix stands in these pages, or a part of it at the end of one, where a page header follows. */
function mentions(pages: Buffer): boolean {
  if (pages.includes(AUX_PREFIX)) return true;
  for (let end = WAL_PAGE_SIZE; end <= pages.length; end += WAL_PAGE_SIZE) {
    for (let length = AUX_PREFIX.length - 1; length > 0; length -= 1) {
      if (pages.toString("latin1", end - length, end) === AUX_PREFIX.slice(0, length)) return true;
    }
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

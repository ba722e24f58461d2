import { existsSync } from "node:fs";
import { chown, mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Lsn } from "../../types";
import { WalDecoder } from "../wal/decoder";
import type { WalRecord } from "../wal/decoder";
import { factOf } from "../wal/records";
import { segmentFileName, segmentOffset } from "../wal/segments";
import { streamBase, unpackBase } from "./base-tar";
import type { BaseFacts, WalSource } from "./base-tar";
import type { PgDistribution, RunAs } from "./distribution";
import { recover } from "./recover";
import { untilAborted } from "./until-aborted";

export interface MaterializeOptions {
  distribution: PgDistribution;
  imageFile: string;
  wal: WalSource;
  /** A record boundary. */
  lsn: Lsn;
  /** As of `streamBase`. */
  boundary?: Lsn | undefined;
  targetDir: string;
  identity?: RunAs | undefined;
  signal?: AbortSignal | undefined;
}

/** Settings of the throw-away server: it replays, writes every page to its file, and changes nothing by itself. */
const SETTINGS = [
  "autovacuum=off",
  "fsync=off",
  "full_page_writes=off",
  "max_logical_replication_workers=0",
  "max_prepared_transactions=100",
  "recovery_prefetch=off",
  "log_checkpoints=off",
  "dynamic_shared_memory_type=mmap",
  // The last checkpoint of this server must not remove the segment in which its recovery ended.
  "wal_keep_size=1TB",
] as const;

const MEGABYTE = 1024 * 1024;
const MOST_BUFFERS_MB = 512;

/** Replay is up to twice as fast when all of the database is in shared memory. */
async function bufferSetting(imageFile: string): Promise<string> {
  const { size } = await stat(imageFile);
  return `shared_buffers=${Math.min(MOST_BUFFERS_MB, 32 + Math.ceil((size * 1.5) / MEGABYTE))}MB`;
}

/**
 * Builds the data directory of a timeline as of `lsn`, with all pages in their files. Throws with Postgres' own words when
 * the recovery didn't get there.
 */
export async function materialize(options: MaterializeOptions): Promise<void> {
  const { distribution, targetDir, identity, signal, lsn } = options;
  await mkdir(targetDir, { recursive: true, mode: 0o700 });
  const facts = await unpackBase(untilAborted(streamBase(options), signal), targetDir);
  if (identity !== undefined) await giveAll(targetDir, identity);
  const known = SETTINGS.filter((setting) => distribution.version >= 15 || !setting.startsWith("recovery_prefetch"));
  const settings = [...known, await bufferSetting(options.imageFile)];
  const log = await recover({ postgres: distribution.postgres, dataDir: targetDir, settings, identity, signal });
  await assertRecoveredTo(targetDir, lsn, facts, log);
}

async function giveAll(dir: string, identity: RunAs): Promise<void> {
  const entries = await readdir(dir, { recursive: true });
  await Promise.all(
    [dir, ...entries.map((name) => join(dir, name))].map((path) => chown(path, identity.uid, identity.gid)),
  );
}

/** A recovery that ended at `lsn` has written its checkpoint exactly there, behind the last record it was given. */
async function assertRecoveredTo(dataDir: string, lsn: Lsn, facts: BaseFacts, log: string): Promise<void> {
  const { walSegSize, pgVersion } = facts;
  const first = await firstRecordAt(dataDir, lsn, walSegSize, pgVersion);
  const fact = first === undefined ? undefined : factOf(first);
  if (fact?.kind === "checkpoint" && !fact.online && first?.prev === facts.prevRecord) return;
  throw new Error(`recovery did not end at ${Lsn.format(lsn)}; Postgres said:\n${log}`);
}

async function firstRecordAt(
  dataDir: string,
  lsn: Lsn,
  walSegSize: number,
  pgVersion: BaseFacts["pgVersion"],
): Promise<WalRecord | undefined> {
  const wal = await walBehind(dataDir, lsn, walSegSize);
  let first: WalRecord | undefined;
  const decoder = new WalDecoder({ startLsn: lsn, walSegSize, pgVersion, onRecord: (record) => (first ??= record) });
  for (let end = 8; first === undefined && end <= wal.length; end += 8) {
    decoder.push(decoder.position, wal.subarray(Number(decoder.position - lsn), end));
  }
  return first;
}

/** The record is small; with the header of a page before it, or in it, it still ends well below a kilobyte. */
const RECORD_ROOM = 1024;

/** The WAL right behind `lsn`, over the end of its segment where there is a next one. */
async function walBehind(dataDir: string, lsn: Lsn, walSegSize: number): Promise<Buffer> {
  const path = (at: Lsn): string => join(dataDir, "pg_wal", segmentFileName(at, walSegSize));
  const offset = segmentOffset(lsn, walSegSize);
  const own = (await readFile(path(lsn))).subarray(offset, offset + RECORD_ROOM);
  const next = path(lsn + BigInt(own.length));
  if (own.length === RECORD_ROOM || !existsSync(next)) return own;
  return Buffer.concat([own, (await readFile(next)).subarray(0, RECORD_ROOM - own.length)]);
}

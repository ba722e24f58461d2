import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Lsn, type PgVersion } from "../../../types";
import { TAR_END, tarHeader, tarPadding } from "../../pg/tar";
import { failAt } from "../../service";
import { segmentFileName } from "../../wal/segments";
import { controlAt, emptySegment } from "./backup-control";

export interface NeonTarOptions {
  /** A materialised data directory as of `lsn`. */
  readonly dataDir: string;
  readonly lsn: Lsn;
  /** Start of the last record; undefined where it is not known. */
  readonly prevRecordLsn: Lsn | undefined;
  /** Whether a timeline begins at `lsn`, so that there is no record before. */
  readonly isStart: boolean;
  readonly systemId: bigint;
  readonly pgVersion: PgVersion;
  readonly walSegSize: number;
  /** With the relations. */
  readonly full: boolean;
}

const DIRECTORIES = [
  "global",
  "pg_wal/archive_status",
  "pg_wal/summaries",
  "pg_commit_ts",
  "pg_dynshmem",
  "pg_notify",
  "pg_serial",
  "pg_snapshots",
  "pg_subtrans",
  "pg_twophase",
  "pg_multixact",
  "pg_multixact/members",
  "pg_multixact/offsets",
  "base",
  "base/1",
  "pg_replslot",
  "pg_tblspc",
  "pg_stat",
  "pg_stat_tmp",
  "pg_xact",
  "pg_logical",
  "pg_logical/snapshots",
  "pg_logical/mappings",
] as const;
const SLRUS = ["pg_xact", "pg_multixact/members", "pg_multixact/offsets"] as const;
const RELATION = /^\d+(_(fsm|vm|init))?(\.\d+)?$/;
const INIT_FORK = /^\d+_init$/;

/** What `basebackup` and `fullbackup` send: a data directory in Neon's order (golden/run/50_basebackup.lst). */
export async function* neonTar(options: NeonTarOptions): AsyncGenerator<Buffer> {
  const { dataDir, lsn, walSegSize, pgVersion, systemId } = options;
  for (const name of DIRECTORIES) {
    if (name === "pg_wal/summaries" && pgVersion < 17) continue;
    yield tarHeader({ name, kind: "directory", size: 0 });
  }
  yield* copied(dataDir, "pg_hba.conf");
  for (const name of ["pg_ident.conf", "postgresql.auto.conf"]) yield* made(name, Buffer.alloc(0));
  for (const dir of SLRUS) {
    for (const segment of await names(dataDir, dir)) yield* copied(dataDir, `${dir}/${segment}`);
  }
  yield* databases(options);
  for (const name of await names(dataDir, "pg_twophase")) yield* copied(dataDir, `pg_twophase/${name}`);
  await failAt("basebackup-before-control-file");
  yield* made("zenith.signal", Buffer.from(`PREV LSN: ${previous(options)}`));
  const control = await readFile(join(dataDir, "global", "pg_control"));
  yield* made("global/pg_control", controlAt(control, lsn, walSegSize));
  const segment = emptySegment({ lsn, systemId, pgVersion, walSegSize });
  yield* made(`pg_wal/${segmentFileName(lsn, walSegSize)}`, segment);
  yield TAR_END;
}

function previous({ prevRecordLsn, isStart }: NeonTarOptions): string {
  if (prevRecordLsn !== undefined) return Lsn.format(prevRecordLsn);
  return isStart ? "none" : "invalid";
}

async function* databases({ dataDir, full }: NeonTarOptions): AsyncGenerator<Buffer> {
  yield* copied(dataDir, "PG_VERSION");
  yield* copied(dataDir, "global/pg_filenode.map");
  const wanted = full ? RELATION : INIT_FORK;
  for (const name of await names(dataDir, "global")) if (wanted.test(name)) yield* copied(dataDir, `global/${name}`);
  for (const id of await names(dataDir, "base")) {
    const dir = `base/${id}`;
    yield tarHeader({ name: dir, kind: "directory", size: 0 });
    yield* copied(dataDir, `${dir}/PG_VERSION`);
    yield* copied(dataDir, `${dir}/pg_filenode.map`);
    for (const name of await names(dataDir, dir)) if (wanted.test(name)) yield* copied(dataDir, `${dir}/${name}`);
  }
}

async function names(dataDir: string, dir: string): Promise<string[]> {
  return (await readdir(join(dataDir, dir))).toSorted(
    (a, b) => Number.parseInt(a) - Number.parseInt(b) || (a < b ? -1 : 1),
  );
}

function* made(name: string, bytes: Buffer): Generator<Buffer> {
  yield tarHeader({ name, kind: "file", size: bytes.length });
  if (bytes.length > 0) yield bytes;
  yield tarPadding(bytes.length);
}

async function* copied(dataDir: string, name: string): AsyncGenerator<Buffer> {
  const path = join(dataDir, name);
  const { size } = await stat(path);
  yield tarHeader({ name, kind: "file", size });
  if (size > 0) yield* createReadStream(path, { highWaterMark: 512 * 1024 }) as AsyncIterable<Buffer>;
  yield tarPadding(size);
}

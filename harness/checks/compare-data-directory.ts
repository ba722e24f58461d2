import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Endpoint } from "../nodes";
import { HarnessError, Lsn } from "../types";
import { readBasebackup } from "./read-basebackup";
import type { BackupSource } from "./read-basebackup";

type Compute = Pick<Endpoint, "name" | "pgdata" | "stop"> & {
  readonly settings: Pick<Endpoint["settings"], "tenantId" | "timelineId">;
};

/** Of pg_control: where the newest checkpoint record begins. */
const CHECKPOINT_OFFSET = 32;
const PAGE_BYTES = 8192;
/** A page begins with the LSN of the record that changed it last. */
const PAGE_LSN_BYTES = 8;
/**
 * Before 16, Postgres wrote an unlogged index' beginning past its buffers and logged it then, so that the page's LSN stands
 * only where the WAL was replayed (commit ccadf73163 of PostgreSQL).
 */
const LSN_IN_INIT_FORKS_SINCE = 16;
const SLRUS = ["pg_xact", "pg_multixact/members", "pg_multixact/offsets"];
/**
 * What a compute and a basebackup both have, and have alike: which files the catalogs stand in, what unlogged relations
 * begin with, what became of transactions, and those that are prepared. Relations themselves are left out: Neon's computes
 * have none. So is pg_control, which the pageserver makes itself.
 */
const COMPARED = [
  /^PG_VERSION$/,
  /^global\/(?:pg_filenode\.map|\d+_init)$/,
  /^base\/\d+\/(?:PG_VERSION|pg_filenode\.map|\d+_init)$/,
  ...SLRUS.map((slru) => new RegExp(`^${slru}/[0-9A-F]{4,}$`)),
  /^pg_twophase\/[0-9A-F]+$/,
];

/**
 * Stops the endpoint and holds its data directory against the pageserver's basebackup as of its shutdown checkpoint.
 * Throws CHECK_FAILED with the files that only one has, and those that differ and where. Returns how many were alike.
 */
export async function compareDataDirectory(endpoint: Compute, pageserver: BackupSource): Promise<number> {
  await endpoint.stop({ budgetMs: 60_000 });
  const { tenantId, timelineId } = endpoint.settings;
  const control = readFileSync(join(endpoint.pgdata, "global/pg_control"));
  const lsn = control.readBigUInt64LE(CHECKPOINT_OFFSET) as Lsn;
  const backup = await readBasebackup(pageserver, { tenantId, timelineId, lsn });
  const restored = [...backup.keys()].filter(isCompared);
  const own = filesOf(endpoint.pgdata);
  const version = Number(readFileSync(join(endpoint.pgdata, "PG_VERSION"), "utf8"));
  const comparable = (path: string, content: Buffer): Buffer =>
    path.endsWith("_init") && version < LSN_IN_INIT_FORKS_SINCE ? withoutPageLsns(content) : content;
  const differences = [
    ...own.filter((path) => !backup.has(path)).map((path) => `${path}: not in the basebackup`),
    ...restored.filter((path) => !own.includes(path)).map((path) => `${path}: only in the basebackup`),
    ...own.flatMap((path) => {
      const theirs = backup.get(path);
      const mine = readFileSync(join(endpoint.pgdata, path));
      return theirs === undefined ? [] : difference(path, comparable(path, mine), comparable(path, theirs));
    }),
  ];
  if (differences.length === 0 && own.length > 0) return own.length;
  throw new HarnessError("CHECK_FAILED", {
    summary: `the data directory of ${endpoint.name} is not what ${pageserver.name} makes of its WAL`,
    expected: `the same files as in a basebackup at ${Lsn.format(lsn)}, its shutdown checkpoint`,
    found: differences.join("\n") || "no file to compare",
    todo: "--preserve-database-files keeps the data directory",
  });
}

const isCompared = (path: string): boolean => COMPARED.some((pattern) => pattern.test(path));

function filesOf(pgdata: string): string[] {
  const databases = readdirSync(join(pgdata, "base")).map((id) => `base/${id}`);
  const folders = ["global", ...databases, ...SLRUS, "pg_twophase"].filter((folder) =>
    existsSync(join(pgdata, folder)),
  );
  const paths = folders.flatMap((folder) => readdirSync(join(pgdata, folder)).map((name) => `${folder}/${name}`));
  return ["PG_VERSION", ...paths].filter(isCompared).toSorted();
}

function withoutPageLsns(content: Buffer): Buffer {
  const copy = Buffer.from(content);
  for (let at = 0; at < copy.length; at += PAGE_BYTES) copy.fill(0, at, Math.min(at + PAGE_LSN_BYTES, copy.length));
  return copy;
}

function difference(path: string, own: Buffer, backup: Buffer): string[] {
  if (own.equals(backup)) return [];
  const sizes = own.length === backup.length ? "" : `${own.length} bytes, ${backup.length} in the basebackup; `;
  const at = own.findIndex((byte, index) => byte !== backup[index]);
  return [`${path}: ${sizes}${at < 0 ? "the rest is alike" : `differs from byte ${at} on`}`];
}

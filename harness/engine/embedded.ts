import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { canTraverse, stage } from "../process";
import type { ProcessIdentity } from "../process";
import { errnoOf, HarnessError, PgVersion } from "../types";
import { requireNodeBinaries } from "./executables";
import { findPostgres } from "./postgres-places";

const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * glibc gives each of node's threads a heap of its own, and keeps what was freed of buffers as large as one read: without
 * this a safekeeper stays 20 MB larger after a bulk load.
 */
const SMALL_HEAPS = { MALLOC_ARENA_MAX: "1", MALLOC_MMAP_THRESHOLD_: "60000" };

export interface EmbeddedPlaces {
  neonBin: string;
  pgDistribDir: string;
  node: string;
  environment: Record<string, string>;
}

/**
 * The bundle, a directory of the Postgres versions that are here, and node, where the nodes' user can read them. NEON_BIN
 * may name another bundle than the project's own.
 */
export async function embeddedDirectories(
  env: NodeJS.ProcessEnv,
  identity: ProcessIdentity | undefined,
): Promise<EmbeddedPlaces> {
  const bundle = env["NEON_BIN"] ? resolve(env["NEON_BIN"]) : join(PROJECT, "dist", "embedded");
  requireBundle(bundle);
  const node = await stage(process.execPath, identity);
  return {
    neonBin: await stage(bundle, identity),
    pgDistribDir: await linkPostgresVersions(env, identity),
    node,
    environment: { NEON_EMBEDDED_CACHE: cacheDirectory(identity), ...SMALL_HEAPS },
  };
}

/** What the bundle's pageserver said of itself when it was built; the five are one bundle, so one speaks for all. */
export function embeddedVersion(bundle: string): string | undefined {
  return (JSON.parse(readFileSync(join(bundle, "package.json"), "utf8")) as { versionLine?: string }).versionLine;
}

/** Whether a directory of binaries is a bundle of this engine: one that was put aside to be compared with, say. */
export function isEmbeddedBundle(dir: string): boolean {
  const manifest = join(dir, "package.json");
  return existsSync(manifest) && /"versionLine":"[^"]*\bembedded:/.test(readFileSync(manifest, "utf8"));
}

function requireBundle(bundle: string): void {
  if (existsSync(join(bundle, "pageserver"))) return requireNodeBinaries(bundle, "the embedded engine's bundle");
  throw new HarnessError("STALE_ENGINE", {
    summary: "the embedded engine is not built",
    expected: bundle,
    found: "no such directory",
    todo: "run `npm ci`, or `node scripts/build-engine.mjs`",
  });
}

/** `<dir>/v17` → where that version is, staged where needed, and so for each version that is found. */
async function linkPostgresVersions(env: NodeJS.ProcessEnv, identity: ProcessIdentity | undefined): Promise<string> {
  const own = join(PROJECT, "dist", "pg_install");
  // One per clone, for another clone's run may be going on.
  const staged = `pg_install-${createHash("sha256").update(PROJECT).digest("hex").slice(0, 12)}`;
  const dir = identity === undefined || canTraverse(PROJECT, identity) ? own : join(cacheDirectory(identity), staged);
  if (mkdirSync(dir, { recursive: true, mode: 0o755 }) !== undefined) chmodSync(dir, 0o755);
  for (const version of PgVersion.ALL) {
    const place = findPostgres(env, version);
    const path = join(dir, PgVersion.dirName(version));
    if (place === undefined) rmSync(path, { force: true });
    else link(await stage(place.root, identity), path);
  }
  return dir;
}

function link(target: string, path: string): void {
  try {
    if (readlinkSync(path) === target) return;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  rmSync(path, { force: true });
  try {
    symlinkSync(target, path);
  } catch (error) {
    // Another worker made the same link meanwhile.
    if (errnoOf(error) !== "EEXIST") throw error;
  }
}

/** Where initdb's results are kept for later runs; the nodes' user owns it. */
function cacheDirectory(identity: ProcessIdentity | undefined): string {
  // Root's TMPDIR may be a folder that the nodes' user can't enter.
  const parent = identity === undefined ? tmpdir() : "/tmp";
  const uid = identity?.uid ?? process.getuid?.() ?? 0;
  const path = join(parent, `neon-embedded-cache-${uid}`);
  if (mkdirSync(path, { recursive: true, mode: 0o755 }) !== undefined) {
    // A umask may have taken away what mkdir was told.
    chmodSync(path, 0o755);
    if (identity !== undefined) lchownSync(path, identity.uid, identity.gid);
  }
  requireOwnDirectory(path, uid);
  return path;
}

/** The nodes start from what stands in there, so nobody else may be able to put something into it. */
function requireOwnDirectory(path: string, uid: number): void {
  const facts = lstatSync(path);
  const mine = facts.uid === uid || facts.uid === process.getuid?.();
  if (facts.isDirectory() && mine && (facts.mode & 0o022) === 0) return;
  throw new HarnessError("UNREADABLE_PATH", {
    summary: "the cache of initdb's results belongs to somebody else",
    expected: `${path}, a directory of uid ${uid} that nobody else can write to`,
    found: `owner uid ${facts.uid}, mode ${(facts.mode & 0o7777).toString(8)}`,
    todo: "remove it",
  });
}

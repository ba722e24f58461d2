import { createHash, randomUUID } from "node:crypto";
import { chmodSync, constants, existsSync, lstatSync, mkdirSync, readdirSync, realpathSync, statSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, readlink, rename, rm, symlink, utimes } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { HarnessError, errnoOf } from "../types";
import { canRead, canTraverse } from "./access";
import type { ProcessIdentity } from "./identity";

const UNUSED_AFTER_MS = 24 * 3600 * 1000;
const SOURCE_HASH_LENGTH = 12;

export interface StageOptions {
  /** Default `/var/tmp/neon-test-cache-<our uid>`. */
  readonly cacheDir?: string | undefined;
  /** Only these of a folder's entries, as far as they are there; default all. */
  readonly names?: readonly string[] | undefined;
}

/**
 * A path from which `identity` can use a file or a directory tree: the source itself where that user can read all of
 * it (and when there is no identity), else a copy in a cache, keyed by path, sizes and times of change. It walks the whole tree, so ask once per run.
 */
export async function stage(source: string, identity?: ProcessIdentity, options: StageOptions = {}): Promise<string> {
  if (identity === undefined) return source;
  const root = realpathSync(source);
  const entries = listTree(root, "", options.names);
  if (canTraverse(root, identity) && entries.every((entry) => entry.isLink || canRead(entry.path, identity)))
    return source;
  const cache = ensureCache(options.cacheDir ?? `/var/tmp/neon-test-cache-${process.getuid?.() ?? 0}`, identity);
  const sourceKey = digest([root]).slice(0, SOURCE_HASH_LENGTH);
  const home = join(cache, `${sourceKey}-${digest(entries.map((entry) => entry.key))}`);
  const staged = join(home, basename(source));
  if (existsSync(staged)) await utimes(home, new Date(), new Date());
  else await copyOnce(root, entries, { home, name: basename(source) });
  await prune(cache, sourceKey, basename(home));
  return staged;
}

interface TreeEntry {
  readonly path: string;
  readonly fromRoot: string;
  readonly isDirectory: boolean;
  readonly isLink: boolean;
  readonly mode: number;
  readonly key: string;
}

/** The tree, folders before what is in them. A link that leaves the tree is listed as what it leads to. */
function listTree(root: string, fromRoot = "", only?: readonly string[]): TreeEntry[] {
  const path = join(root, fromRoot);
  const own = lstatSync(path);
  const isLink = own.isSymbolicLink() && !leadsOutside(root, path);
  const facts = isLink ? own : statSync(path);
  const isDirectory = facts.isDirectory();
  const key = `${fromRoot}\0${isDirectory ? "" : facts.size}\0${isDirectory ? "" : facts.mtimeMs}\0${facts.mode}`;
  const names = isDirectory ? readdirSync(path).toSorted() : [];
  const wanted = only === undefined ? names : names.filter((name) => only.includes(name));
  const below = wanted.flatMap((name) => listTree(root, join(fromRoot, name)));
  return [{ path, fromRoot, isDirectory, isLink, mode: facts.mode, key }, ...below];
}

function leadsOutside(root: string, link: string): boolean {
  if (!existsSync(link)) return false;
  return relative(root, realpathSync(link)).startsWith("..");
}

/** Copies under a name of its own and renames: who races with us either finds nothing or finds all of it. */
async function copyOnce(
  root: string,
  entries: readonly TreeEntry[],
  target: { home: string; name: string },
): Promise<void> {
  const draft = `${target.home}.${randomUUID()}`;
  try {
    await mkdir(draft, { mode: 0o755 });
    await chmod(draft, 0o755);
    for (const entry of entries) await copyEntry(entry, join(draft, target.name, entry.fromRoot));
    await rename(draft, target.home);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (["ENOTEMPTY", "EEXIST"].includes(errnoOf(error) ?? "")) return;
    throw stagingFailed(root, target.home, error);
  }
}

async function copyEntry(entry: TreeEntry, target: string): Promise<void> {
  if (entry.isLink) {
    const inside = relative(dirname(entry.path), resolve(dirname(entry.path), await readlink(entry.path)));
    return symlink(inside, target);
  }
  if (entry.isDirectory) {
    await mkdir(target);
  } else {
    await copyFile(entry.path, target, constants.COPYFILE_FICLONE);
  }
  await chmod(target, entry.isDirectory || (entry.mode & 0o100) !== 0 ? 0o755 : 0o644);
}

/** Older copies of the same source go, unless somebody used them within a day. */
async function prune(cache: string, sourceKey: string, current: string): Promise<void> {
  const others = (await readdir(cache)).filter((name) => name.startsWith(`${sourceKey}-`) && name !== current);
  for (const name of others) {
    const path = join(cache, name);
    const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
    if (Date.now() - changed > UNUSED_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}

/** The cache is ours alone to write: what stands in it gets executed. */
function ensureCache(cache: string, identity: ProcessIdentity): string {
  // A umask may have taken away what mkdir was told.
  if (mkdirSync(cache, { recursive: true, mode: 0o755 }) !== undefined) chmodSync(cache, 0o755);
  const facts = lstatSync(cache);
  const isOurs = facts.isDirectory() && facts.uid === process.getuid?.() && (facts.mode & 0o022) === 0;
  if (isOurs && canTraverse(cache, identity)) return cache;
  throw new HarnessError("UNREADABLE_PATH", {
    summary: `cannot keep copies for user ${identity.name} in ${cache}`,
    expected: `a directory that belongs to us, that only we can write to, and that ${identity.name} can enter`,
    found: `owner uid ${facts.uid}, mode ${(facts.mode & 0o7777).toString(8)}`,
    todo: "remove it, or move the project to a folder that this user can enter",
  });
}

function stagingFailed(root: string, target: string, error: unknown): unknown {
  if (errnoOf(error) !== "ENOSPC") return error;
  return new HarnessError("DISK_FULL", {
    summary: `no space for a copy of ${root} in ${dirname(target)}`,
    cause: error,
  });
}

const digest = (parts: readonly string[]): string =>
  createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 32);

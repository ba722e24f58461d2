import { realpathSync, statSync } from "node:fs";
import type { Stats } from "node:fs";
import { dirname } from "node:path";
import type { ProcessIdentity } from "./identity";

const READ = 4;
const SEARCH = 1;

/**
 * Can this user enter all folders on the way to `path` and read it (and, for a folder, enter it)? By mode bits only:
 * access lists may say otherwise, which costs a needless copy or a clear error of the system's.
 */
export function canTraverse(path: string, identity: ProcessIdentity): boolean {
  const real = realpathSync(path);
  return (
    folderChain(dirname(real)).every((folder) => allows(statSync(folder), SEARCH, identity)) && canRead(real, identity)
  );
}

/** The same for `path` alone, whatever the folders above it. */
export function canRead(path: string, identity: ProcessIdentity): boolean {
  const facts = statSync(path);
  return allows(facts, facts.isDirectory() ? READ | SEARCH : READ, identity);
}

function allows(facts: Stats, wanted: number, identity: ProcessIdentity): boolean {
  if (identity.uid === 0) return true;
  const shift = facts.uid === identity.uid ? 6 : facts.gid === identity.gid ? 3 : 0;
  return ((facts.mode >> shift) & wanted) === wanted;
}

function folderChain(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [...folderChain(parent), folder];
}

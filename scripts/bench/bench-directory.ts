import { chmodSync, chownSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerDirectory } from "../../harness/process";
import type { ProcessIdentity } from "../../harness/process";

/** Where both suites work: one file system for both, writable for the nodes' user, gone at the end of the run. */
export function makeBenchDirectory(identity: ProcessIdentity | undefined): string {
  const dir = mkdtempSync(join(tmpdir(), "neon-bench-real-"));
  registerDirectory(dir);
  chmodSync(dir, 0o755);
  giveTo(dir, identity);
  return dir;
}

export function makeOwned(dir: string, identity: ProcessIdentity | undefined): string {
  mkdirSync(dir, { recursive: true });
  giveTo(dir, identity);
  return dir;
}

function giveTo(path: string, identity: ProcessIdentity | undefined): void {
  if (identity !== undefined) chownSync(path, identity.uid, identity.gid);
}

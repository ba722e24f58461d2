import { chmodSync, chownSync, mkdtempSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { registerDirectory } from "../process";
import { identity } from "./engine";

const ROOM_FOR_A_TEST = 512 * 1024 * 1024;

/** A directory on tmpfs, where there is room, that the nodes' user owns. It goes with the run, if not before. */
export function makeTestDirectory(prefix: string): string {
  // TMPDIR may be root's own, which the nodes' user can't enter.
  const directory = mkdtempSync(join(hasRoom("/dev/shm") ? "/dev/shm" : "/tmp", `${prefix}-`));
  registerDirectory(directory);
  chmodSync(directory, 0o755);
  giveToNodes(directory);
  return directory;
}

/** Makes the nodes' user the owner of this path alone. */
export function giveToNodes(path: string): void {
  if (identity !== undefined) chownSync(path, identity.uid, identity.gid);
}

function hasRoom(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize >= ROOM_FOR_A_TEST;
  } catch {
    // macOS has no tmpfs.
    return false;
  }
}

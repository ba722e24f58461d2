import { cpSync, existsSync, readdirSync, realpathSync, rmSync, statfsSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { registerDirectory } from "../process";
import { HarnessError } from "../types";
import { makeNodeDirectory } from "./context";
import type { NodeContext } from "./context";

const DEFAULT_TMPFS = "/dev/shm";
/** What a small database of a few tests may grow to, in bytes. */
const ROOM_FOR_A_DATABASE = 512 * 1024 * 1024;

/**
 * Makes a Postgres' data directory at `path`. With `onTmpfs` it is a link to tmpfs, because copying a thousand files on
 * a disk can cost a second. NEON_COMPUTE_DATA=disk, or =DIRECTORY, says otherwise; with no tmpfs, or no room in it, the
 * disk serves. Returns the directory that has to go at the end.
 */
export function makeDataDirectory(context: NodeContext, path: string, options: { onTmpfs: boolean }): string {
  const tmpfs = options.onTmpfs ? chooseTmpfs() : undefined;
  if (tmpfs === undefined) {
    makeNodeDirectory(context, path);
    return path;
  }
  const run = (process.env["NEON_TEST_RUN_ID"] ?? `pid-${process.pid}`).replaceAll("/", "-");
  const name = `${basename(dirname(path))}-${basename(path)}`;
  const dir = join(tmpfs, `neon-test-${run}-${process.pid}-${name}-${(sequence += 1)}`);
  registerDirectory(dir);
  makeNodeDirectory(context, dir);
  symlinkSync(dir, path);
  return dir;
}

let sequence = 0;

export function removeDataDirectory(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}

/** Puts what stands on tmpfs where its link is, in all of a directory: somebody wants to keep it. */
export function bringDataHome(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) bringDataHome(path);
    if (!entry.isSymbolicLink() || !existsSync(path)) continue;
    const target = realpathSync(path);
    if (!basename(target).startsWith("neon-test-")) continue;
    rmSync(path);
    cpSync(target, path, { recursive: true, verbatimSymlinks: true });
  }
}

/** The directory on tmpfs to use, or undefined for the disk. */
function chooseTmpfs(): string | undefined {
  const setting = process.env["NEON_COMPUTE_DATA"];
  if (setting === "disk") return undefined;
  if (setting !== undefined && setting !== "" && setting !== "tmpfs") return requireDirectory(setting);
  return roomIn(DEFAULT_TMPFS) >= ROOM_FOR_A_DATABASE ? DEFAULT_TMPFS : undefined;
}

function requireDirectory(path: string): string {
  if (roomIn(path) > 0) return path;
  throw new HarnessError("BAD_ENV", {
    summary: "NEON_COMPUTE_DATA names a directory that can't be used",
    expected: "tmpfs, disk, or a directory with room",
    found: path,
    todo: "create the directory, or unset NEON_COMPUTE_DATA",
  });
}

function roomIn(path: string): number {
  try {
    const facts = statfsSync(path);
    return facts.bavail * facts.bsize;
  } catch {
    return 0;
  }
}

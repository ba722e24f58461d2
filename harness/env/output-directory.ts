import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { startTimeOf } from "../process/process-table.mjs";
import { errnoOf, HarnessError } from "../types";

const IN_USE = ".in-use";
/** Far more than others need to go away. */
const MAKE_BUDGET_MS = 10_000;

/**
 * Makes `path` anew and returns it, or `<path>-2`, … where another run is at the same test at this moment: two runs of
 * one clone must not remove each other's files.
 */
export function claimDirectory(path: string): string {
  for (let n = 1; ; n += 1) {
    const candidate = n === 1 ? path : `${path}-${n}`;
    if (makeWithMark(candidate)) return candidate;
    if (isInUse(candidate)) continue;
    discard(candidate);
    if (makeWithMark(candidate)) return candidate;
  }
}

/** Removes what an earlier run has left; what somebody has claimed a moment ago stays. */
function discard(path: string): void {
  const old = makeDraft(dirname(path), `.${basename(path).slice(0, 40)}-old-`);
  try {
    renameSync(path, join(old, "it"));
    if (isInUse(join(old, "it"))) renameSync(join(old, "it"), path);
  } catch (error) {
    // Another run was faster.
    if (errnoOf(error) !== "ENOENT") throw error;
  } finally {
    rmSync(old, { recursive: true, force: true });
  }
}

/** From now on the directory is a person's, and the next run may replace it. */
export function releaseDirectory(path: string): void {
  rmSync(join(path, IN_USE), { force: true });
}

/** Throws UNREADABLE_PATH or DISK_FULL when no test could make its directory in here. */
export function requireOutputDirectory(outputDir: string): void {
  try {
    const isNew = !existsSync(outputDir);
    rmdirSync(makeDraft(outputDir, ".probe-"));
    if (isNew) removeIfEmpty(outputDir);
  } catch (error) {
    throw cannotWrite(outputDir, error);
  }
}

export function cannotWrite(path: string, cause: unknown): HarnessError {
  const full = errnoOf(cause) === "ENOSPC";
  return new HarnessError(full ? "DISK_FULL" : "UNREADABLE_PATH", {
    summary: "the tests' directory can't be made",
    expected: `a writable ${path}`,
    found: errnoOf(cause) ?? String(cause),
    todo: full
      ? "free some space, or set TEST_OUTPUT to another disk"
      : "set TEST_OUTPUT to a directory you can write to",
    cause,
  });
}

function isInUse(path: string): boolean {
  try {
    const owner = JSON.parse(readFileSync(join(path, IN_USE), "utf8")) as { pid: number; startTime: string };
    return startTimeOf(owner.pid) === owner.startTime;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return false;
    throw error;
  }
}

/** The directory appears with its mark in it; false when somebody else's has appeared first. */
function makeWithMark(path: string): boolean {
  const draft = makeDraft(dirname(path), `.${basename(path).slice(0, 40)}-`);
  try {
    writeFileSync(join(draft, IN_USE), JSON.stringify({ pid: process.pid, startTime: startTimeOf(process.pid) }));
    renameSync(draft, path);
    return true;
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(errnoOf(error) ?? "")) return false;
    throw error;
  }
}

/** Another test may remove the empty output directory while we make it and before we use it; then it is made again. */
function makeDraft(dir: string, prefix: string): string {
  for (const begin = performance.now(); ;) {
    try {
      mkdirSync(dir, { recursive: true, mode: 0o755 });
      return mkdtempSync(join(dir, prefix));
    } catch (error) {
      // A dangling link says ENOENT, too, and for ever.
      const isLink = lstatSync(dir, { throwIfNoEntry: false })?.isSymbolicLink() === true;
      if (errnoOf(error) !== "ENOENT" || isLink || performance.now() - begin > MAKE_BUDGET_MS) throw error;
    }
  }
}

export function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch (error) {
    const code = errnoOf(error);
    if (code !== "ENOTEMPTY" && code !== "ENOENT" && code !== "EEXIST" && code !== "EBUSY") throw error;
  }
}

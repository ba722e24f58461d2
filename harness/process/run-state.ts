import { appendFileSync, lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { HarnessError } from "../types";
import { RUN_STATE } from "./environment";
import { directoryIdentity } from "./directory-identity.mjs";
import { startTimeOf } from "./process-table.mjs";

/** Where the states of this user's runs stand; the run's own directory in it is only readable by that user. */
export function runsDirectory(): string {
  const uid = process.getuid?.() ?? 0;
  const path = join(tmpdir(), `neon-test-runs-${uid}`);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const facts = lstatSync(path);
  if (!facts.isDirectory() || facts.uid !== uid || (facts.mode & 0o022) !== 0) {
    throw new HarnessError("UNREADABLE_PATH", {
      summary: `cannot keep the state of the run in ${path}`,
      expected: "a directory that belongs to us and that nobody else can write to",
      found: `owner uid ${facts.uid}, mode ${(facts.mode & 0o7777).toString(8)}`,
      todo: `remove it, or set TMPDIR to another directory`,
    });
  }
  return path;
}

/** Tells the reaper of a process of the run; outside of a run it does nothing. */
export function recordProcess(pid: number, name: string): void {
  const startTime = startTimeOf(pid);
  if (startTime !== undefined) append("processes", { pid, startTime, name });
}

/** The reaper removes this file in /dev/shm when the run ends. */
export const recordSharedMemory = (file: string): void => append("shared-memory", { file });

/** The reaper removes this directory (a data directory on tmpfs, a temp directory) when the run ends, however it ends. */
export function registerDirectory(path: string): void {
  append("directories", { path: resolve(path), remove: true, ...identityOf(path) });
}

/** The reaper ends what still works in this directory when the run ends, but leaves the directory itself alone. */
export function keepDirectory(path: string): void {
  append("directories", { path: resolve(path), remove: false, ...identityOf(path) });
}

/** Tells it from another that stands there later: two runs may use one path, one after the other. */
function identityOf(path: string): { identity?: string } {
  const identity = directoryIdentity(path);
  return identity === undefined ? {} : { identity };
}

/**
 * The reaper runs this program when the run has ended, however it ends, for what is no process and no file of this
 * machine. It may run after all is gone already, must then succeed, and has half a minute.
 */
export function registerUndo(command: string, args: readonly string[]): void {
  append("undo", { command, args });
}

// One short line per entry: O_APPEND makes lines of several workers follow each other whole.
function append(file: string, entry: Record<string, unknown>): void {
  const state = process.env[RUN_STATE];
  if (state !== undefined) appendFileSync(join(state, file), `${JSON.stringify(entry)}\n`, { mode: 0o600 });
}

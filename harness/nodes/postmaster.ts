import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../types";

interface PostmasterFile {
  pid: number;
  /** System V shared memory, which outlives a postmaster that was killed. */
  sharedMemoryId: number | undefined;
}

/** Line 1 and line 7 of postmaster.pid; undefined when there is no such file, i.e. no server since a clean stop. */
function readPostmasterFile(dataDir: string): PostmasterFile | undefined {
  try {
    const lines = readFileSync(join(dataDir, "postmaster.pid"), "utf8").split("\n");
    const pid = Number(lines[0]);
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    const id = Number(lines[6]?.trim().split(/\s+/)[1]);
    return { pid, sharedMemoryId: Number.isInteger(id) ? id : undefined };
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Sends a signal to the data directory's postmaster, if there is one: SIGINT is a fast stop, SIGQUIT an immediate one. */
export function signalPostmaster(dataDir: string, signal: NodeJS.Signals): void {
  const postmaster = readPostmasterFile(dataDir);
  if (postmaster !== undefined) sendSignal(postmaster.pid, signal);
}

/** Whether the data directory has no server any more; one that ends in order frees its memory before its file goes. */
export function postmasterIsGone(dataDir: string): boolean {
  const postmaster = readPostmasterFile(dataDir);
  return postmaster === undefined || !sendSignal(postmaster.pid, 0);
}

/** False when there is no such process. */
function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) === "ESRCH") return false;
    throw error;
  }
}

/** Frees the System V segment that a postmaster leaks when it is killed. Call it when the postmaster is gone. */
export function freeSharedMemory(dataDir: string): void {
  const id = readPostmasterFile(dataDir)?.sharedMemoryId;
  if (id === undefined) return;
  spawnSync("ipcrm", ["-m", String(id)]);
  rmSync(join(dataDir, "postmaster.pid"), { force: true });
}

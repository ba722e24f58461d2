import { closeSync, fchmodSync, fstatSync, openSync } from "node:fs";
import { open } from "node:fs/promises";
import { HarnessError, errnoOf, messageOfUnknown } from "../types";

const TAIL_BYTES = 64 * 1024;
const LONGEST_LINE = 1000;
const DEFAULT_LINES = 20;

export interface OpenLog {
  readonly fd: number;
  readonly start: number;
}

/** Opens a node's log for appending; mode 0644 whatever the umask, so that a person can read what root's run wrote. */
export function openLog(path: string): OpenLog {
  try {
    const fd = openSync(path, "a", 0o644);
    const facts = fstatSync(fd);
    if (facts.isFile() && facts.uid === process.getuid?.()) fchmodSync(fd, 0o644);
    return { fd, start: facts.size };
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

export const closeLog = (log: OpenLog): void => closeSync(log.fd);

/** The last lines (default 20) of a log from byte `start` on; a log that isn't there has the tail "". */
export async function readLogTail(path: string, lines = DEFAULT_LINES, start = 0): Promise<string> {
  const text = await readEnd(path, start);
  const all = text.split("\n");
  if (all.at(-1) === "") all.pop();
  return all.slice(-lines).map(shortened).join("\n");
}

async function readEnd(path: string, start: number): Promise<string> {
  const file = await open(path, "r").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return "";
  try {
    const { size } = await file.stat();
    const from = Math.max(start, size - TAIL_BYTES);
    if (from >= size) return "";
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

const shortened = (line: string): string => (line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line);

function cannotOpen(path: string, error: unknown): HarnessError {
  const full = errnoOf(error) === "ENOSPC";
  return new HarnessError(full ? "DISK_FULL" : "SPAWN_FAILED", {
    summary: `cannot open the log ${path}`,
    found: messageOfUnknown(error),
    todo: full ? "free some space there, or choose another folder with TEST_OUTPUT" : undefined,
    cause: error,
  });
}

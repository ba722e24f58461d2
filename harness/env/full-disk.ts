import { statfsSync } from "node:fs";
import { HarnessError, messageOfUnknown } from "../types";

const FULL_BELOW_BYTES = 1024 * 1024;

/**
 * The error itself, or one DISK_FULL where that is what is behind it: on a full disk every node fails in its own words,
 * and some only by being silent.
 */
export function orDiskFull(dir: string, error: unknown): unknown {
  if (HarnessError.is(error, "DISK_FULL")) return error;
  const text = messageOfUnknown(error);
  const free = freeBytes(dir);
  if (!/ENOSPC|no space left on device/i.test(text) && free >= FULL_BELOW_BYTES) return error;
  return new HarnessError("DISK_FULL", {
    summary: `an environment can't be started on a full disk: ${dir}`,
    expected: "room for what the nodes write, some 100 MB",
    found: `${free} bytes free; ${text}`,
    todo: "free some space, or choose another folder with TEST_OUTPUT",
    facts: { dir, free },
    cause: error,
  });
}

function freeBytes(dir: string): number {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize;
  } catch {
    // It can't be asked, so it isn't what is full.
    return Number.POSITIVE_INFINITY;
  }
}

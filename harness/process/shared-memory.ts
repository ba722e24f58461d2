import { readFileSync } from "node:fs";
import { errnoOf } from "../types";
import { listProcesses, withDescendants } from "./process-table.mjs";
import type { ProcessRow } from "./process-table.mjs";
import { recordSharedMemory } from "./run-state";

/**
 * Postgres names its POSIX shared memory at random and can't remove it after a SIGKILL. So we look which it has before
 * we send one, for the reaper to remove at the end of the run. (Its System V segment stands in postmaster.pid.)
 */
export function noteSharedMemory(rows: readonly ProcessRow[]): void {
  const postgres = rows.filter((row) => row.alive && row.name === "postgres");
  const files = new Set(postgres.flatMap((row) => mapsOf(row.pid).match(/\/dev\/shm\/PostgreSQL\.\d+/g) ?? []));
  for (const file of files) recordSharedMemory(file);
}

/** The same for one process and its descendants: some segments are only known to the children of the server. */
export function noteSharedMemoryBelow(pid: number): void {
  const table = listProcesses();
  noteSharedMemory(
    withDescendants(
      table,
      table.filter((row) => row.pid === pid),
    ),
  );
}

function mapsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/maps`, "utf8");
  } catch (error) {
    // It is gone, or not ours to look into, or this is not Linux.
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(errnoOf(error) ?? "")) return "";
    throw error;
  }
}

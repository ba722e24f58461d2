import { readdirSync, readFileSync } from "node:fs";
import { commandOf, listProcesses, withDescendants } from "../process/process-table.mjs";
import type { ProcessRow } from "../process/process-table.mjs";

const LONGEST_COMMAND = 160;

/** The processes that descend from these, as an indented tree with what the kernel says each one is doing. */
export function describeProcessTree(roots: readonly number[]): string {
  const table = listProcesses();
  const family = withDescendants(
    table,
    table.filter((row) => roots.includes(row.pid)),
  );
  const pids = new Set(family.map((row) => row.pid));
  const tops = family.filter((row) => !pids.has(row.ppid));
  return tops.flatMap((row) => branch(row, family, 0)).join("\n");
}

function branch(row: ProcessRow, family: readonly ProcessRow[], depth: number): string[] {
  const own = `${"  ".repeat(depth)}${row.pid} ${doing(row)}: ${(commandOf(row.pid) || row.name).slice(0, LONGEST_COMMAND)}`;
  const children = family.filter((each) => each.ppid === row.pid);
  return [own, ...children.flatMap((child) => branch(child, family, depth + 1))];
}

const STATES: Readonly<Record<string, string>> = {
  R: "runs",
  S: "sleeps",
  D: "waits for a device",
  T: "is stopped",
  t: "is traced",
  Z: "is a zombie",
};

/** `sleeps in do_epoll_wait, 2 threads`; less where the kernel doesn't tell, or this isn't Linux. */
function doing({ pid, alive }: ProcessRow): string {
  const status = readOr(`/proc/${pid}/status`);
  const state = /^State:\s+(\S)/m.exec(status)?.[1];
  if (state === undefined) return alive ? "lives" : "is a zombie";
  const where = readOr(`/proc/${pid}/wchan`);
  const threads = threadsOf(pid);
  const inside = state === "R" || where === "" || where === "0" ? "" : ` in ${where}`;
  return `${STATES[state] ?? `has state ${state}`}${inside}${threads > 1 ? `, ${threads} threads` : ""}`;
}

function threadsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    // It is gone, or this isn't Linux.
    return 1;
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    // It is gone, or not ours to look into.
    return "";
  }
}

import { HarnessError, errnoOf } from "../types";
import {
  commandOf,
  environments,
  familyOf,
  hasVariable,
  listProcesses,
  startTimeOf,
  withDescendants,
} from "./process-table.mjs";
import type { ProcessRow } from "./process-table.mjs";
import { noteSharedMemory } from "./shared-memory";

export interface FamilyRoot {
  readonly pid: number;
  readonly startTime: string | undefined;
  readonly name: string;
  /** `NAME=value` in the environment of all its descendants: finds those that left its session. */
  readonly marker?: string;
}

const BUDGET_MS = 10_000;
const CHECK_EVERY_MS = 3;

/** SIGKILL for a process, its session and its descendants, until none of them runs. A zombie counts as dead. */
export async function killTree(pid: number, name = `pid ${pid}`): Promise<void> {
  const startTime = startTimeOf(pid);
  if (startTime !== undefined) await killFamilies([{ pid, startTime, name }]);
}

/**
 * As `killTree`, also for roots that are dead already, and for many at the cost of one: what takes time is to look at
 * every process of the machine. `found` is told what lived at first. Throws NODE_WILL_NOT_STOP when some still run after 10 s.
 */
export async function killFamilies(
  roots: readonly FamilyRoot[],
  found: (rows: readonly ProcessRow[]) => void = () => {},
): Promise<void> {
  const seen = new Map<number, string>();
  const started = performance.now();
  const round = (): ProcessRow[] => {
    const alive = living(roots, seen);
    for (const row of alive) signal(row.pid);
    return alive;
  };
  if (roots.length === 0) return;
  const first = living(roots, seen);
  found(first);
  for (const row of first) signal(row.pid);
  if (first.length === 0) return;
  await new Promise<void>((resolve, reject) => {
    const timer = setInterval(() => {
      const left = round();
      const tooLate = performance.now() - started > BUDGET_MS;
      if (left.length > 0 && !tooLate) return;
      clearInterval(timer);
      if (left.length > 0) reject(willNotDie(roots, left));
      else resolve();
    }, CHECK_EVERY_MS);
  });
}

/** The families' living members. Who was seen once stays a member, for its parent may be gone by the next look. */
function living(roots: readonly FamilyRoot[], seen: Map<number, string>): ProcessRow[] {
  const table = listProcesses().filter((row) => row.pid !== process.pid);
  const marked = withVariables(
    table,
    roots.flatMap(({ marker }) => (marker === undefined ? [] : [marker])),
  );
  const known = table.filter((row) => seen.get(row.pid) === row.startTime);
  const families = roots.flatMap((root) => familyOf(table, root));
  const members = new Set([...families, ...withDescendants(table, [...marked, ...known])]);
  noteSharedMemory([...members].filter((row) => !seen.has(row.pid)));
  for (const row of members) seen.set(row.pid, row.startTime);
  return [...members].filter((row) => row.alive);
}

function withVariables(table: readonly ProcessRow[], variables: readonly string[]): ProcessRow[] {
  if (variables.length === 0) return [];
  const found = environments(table.map((row) => row.pid));
  return table.filter((row) => variables.some((variable) => hasVariable(found.get(row.pid), variable)));
}

function signal(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}

function willNotDie(roots: readonly FamilyRoot[], left: readonly ProcessRow[]): HarnessError {
  const names = roots.map((root) => root.name).join(", ");
  return new HarnessError("NODE_WILL_NOT_STOP", {
    summary: `${names} left processes that SIGKILL does not end`,
    found: left.map((row) => `pid ${row.pid}: ${commandOf(row.pid) || row.name}`).join("\n"),
    facts: { component: names, pids: left.map((row) => row.pid) },
  });
}

import { HarnessError } from "../types";
import { RUN_ID } from "./environment";
import { killTree } from "./kill-tree";
import { commandOf, environments, familyOf, hasVariable, listProcesses } from "./process-table.mjs";
import type { ProcessKey, ProcessRow } from "./process-table.mjs";

/** How long a process may take from fork to exec. */
const UNCLEAR_MS = 200;

let mark: string | undefined;
const kept: ProcessKey[] = [];
const leftByNodes = new Map<number, string>();

/** Remembers what a node that has ended left running; it is being killed now. */
export function noteLeftBehind(node: string, rows: readonly ProcessRow[]): void {
  for (const { pid, name, alive } of rows) {
    // A server's own children end when they notice that it is gone.
    if (alive && name !== "postgres") leftByNodes.set(pid, `${commandOf(pid) || name} (left by ${node})`);
  }
}

/**
 * Gives this process a marker of its own below the run's, which all that it starts inherits; so what one worker's tests
 * leave behind can be told from what the others' are doing.
 */
export function markWorker(): void {
  const run = process.env[RUN_ID];
  if (run === undefined || mark !== undefined) return;
  mark = `${RUN_ID}=${run}/${process.pid}`;
  process.env[RUN_ID] = `${run}/${process.pid}`;
}

/**
 * Ends what this process' tests have started and not ended: children, and daemons that left for a session of their own.
 * Throws LEFT_BEHIND, with what it was. To be called when everything that is known of was stopped.
 */
export async function endLeaks(): Promise<void> {
  const own = await findLeaks();
  const leaks = [...[...leftByNodes].map(([pid, command]) => ({ pid, command })), ...own];
  leftByNodes.clear();
  if (leaks.length === 0) return;
  for (const { pid } of own) await killTree(pid);
  throw new HarnessError("LEFT_BEHIND", {
    summary: "the test left processes behind; they were killed",
    expected: "a test to end what it starts, daemons included",
    found: leaks.map(({ pid, command }) => `${pid} ${command}`).join("\n"),
    todo: "end them in the test, or give their end to a fixture",
    facts: { phase: "tear-down", pids: leaks.map(({ pid }) => pid) },
  });
}

/** These, and what descends from them, go on on purpose. */
export function expectToStay(processes: readonly ProcessKey[]): void {
  kept.push(...processes);
}

async function findLeaks(): Promise<{ pid: number; command: string }[]> {
  if (mark === undefined) return [];
  const marker = mark;
  const started = performance.now();
  // Between two looks nobody can hide behind a fork: the child of one that ended during the first is in the second.
  for (let looks = 1; ; looks += 1) {
    const table = listProcesses();
    const staying = new Set(kept.flatMap((key) => familyOf(table, key)));
    const others = table.filter((row) => row.alive && row.pid !== process.pid && !isKernels(row) && !staying.has(row));
    const known = environments(others.map((row) => row.pid));
    const ours = others.filter((row) => hasVariable(known.get(row.pid), marker));
    // One that has neither environment nor command is about to become a program, or to end: in a moment we know.
    const unclear = others.some(({ pid }) => known.get(pid) === "" && commandOf(pid) === "");
    if (looks > 1 && (!unclear || performance.now() - started > UNCLEAR_MS)) {
      return ours.map(({ pid }) => ({ pid, command: commandOf(pid) })).filter(({ command }) => command !== "");
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const isKernels = ({ pid, ppid }: ProcessRow): boolean => pid === 2 || ppid === 2;

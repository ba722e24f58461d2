import { HarnessError } from "../types";
import type { ExitFacts, WatchedProcess } from "../types";

/** Signals in the order in which they are tried, each with its time in milliseconds. SIGKILL is always added at the end. */
export interface StopLadder {
  readonly steps: readonly { readonly signal: NodeJS.Signals; readonly budgetMs: number }[];
}

export interface StopFacts {
  /** Which signal it took; `undefined` when the process was dead before. */
  readonly signal: NodeJS.Signals | undefined;
  readonly exit: ExitFacts;
  readonly tookMs: number;
}

type Stoppable = WatchedProcess & { kill(signal: NodeJS.Signals): void };

const AFTER_SIGKILL_MS = 10_000;

/** Throws NODE_WILL_NOT_STOP when even SIGKILL does not help, which means that the kernel holds the process. */
export async function climbDown(process: Stoppable, ladder: StopLadder): Promise<StopFacts> {
  const dead = process.exitFacts();
  if (dead !== undefined) return { signal: undefined, exit: dead, tookMs: 0 };
  const started = performance.now();
  for (const { signal, budgetMs } of [...ladder.steps, { signal: "SIGKILL" as const, budgetMs: AFTER_SIGKILL_MS }]) {
    process.kill(signal);
    const exit = await within(budgetMs, process.exited);
    if (exit !== undefined) return { signal, exit, tookMs: performance.now() - started };
  }
  throw await willNotStop(process, ladder, performance.now() - started);
}

/** The value of the promise, or undefined if it takes longer than `budgetMs`. */
async function within<T>(budgetMs: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), budgetMs);
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

async function willNotStop(process: WatchedProcess, ladder: StopLadder, tookMs: number): Promise<HarnessError> {
  const signals = [...ladder.steps.map((step) => step.signal), "SIGKILL"].join(", then ");
  return new HarnessError("NODE_WILL_NOT_STOP", {
    summary: `${process.name} does not stop`,
    expected: `pid ${process.pid} to end on ${signals}`,
    found: `it still runs after ${Math.round(tookMs)} ms`,
    todo: `see what the kernel holds it with: cat /proc/${process.pid}/stack`,
    logPath: process.logPath,
    logTail: await process.logTail(),
    facts: { component: process.name, pid: process.pid, tookMs },
  });
}

/** One line for logs: `SIGTERM after 12 ms`. */
export function describeStop(facts: StopFacts): string {
  return facts.signal === undefined ? "was dead already" : `${facts.signal} after ${Math.round(facts.tookMs)} ms`;
}

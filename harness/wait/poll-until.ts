import { setMaxListeners } from "node:events";
import { beginWait, nowMs, recordEvent } from "../events";
import { HarnessError } from "../types";
import type { ExitFacts, WatchedProcess } from "../types";
import { Observation } from "./observation";
import { sleep } from "./sleep";
import { diedError, timeoutError } from "./wait-errors";
import type { WaitSubject } from "./wait-errors";

export interface PollOptions {
  readonly budgetMs: number;
  /** Fixed interval; without it the first is 5 ms and they grow to 100 ms. */
  readonly intervalMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Who is waited for, for the message; default is the process' name. */
  readonly component?: string | undefined;
  /** The wait ends at once when this process dies. */
  readonly process?: WatchedProcess | undefined;
  readonly logPath?: string | undefined;
  readonly describe?: ((last: unknown) => string) | undefined;
}

export interface PollAttempt {
  /** Aborted when the wait ends, so that a try in flight lets go of its socket. */
  readonly signal: AbortSignal;
  /** Remembers what was seen, for the time-out message. */
  readonly observed: (value: unknown) => void;
  /** Ends the wait at once with this error. */
  readonly fail: (error: Error) => never;
}

export type Probe<T> = (attempt: PollAttempt) => Promise<T | undefined | false> | T | undefined | false;

type End =
  { kind: "late" } | { kind: "died"; process: WatchedProcess; exit: ExitFacts } | { kind: "aborted"; reason: unknown };
type Try<T> = { kind: "value"; value: T } | { kind: "not yet" } | { kind: "failed"; error: unknown };

const FIRST_INTERVAL_MS = 5;
const LONGEST_INTERVAL_MS = 100;
const GROWTH = 1.5;

/** Marks an error that the probe wants out at once. */
class FatalError extends Error {}

/**
 * Tries until the probe gives a value; `undefined` and `false` mean "not yet", and so does an error, which is remembered
 * as the last observation. Throws WAIT_TIMEOUT (NODE_NOT_READY where a process is watched), NODE_DIED or DISK_FULL.
 */
export async function pollUntil<T>(name: string, probe: Probe<T>, options: PollOptions): Promise<T> {
  const last = new Observation(options.describe);
  const node = options.component ?? options.process?.name;
  using wait = beginWait({ what: name, node, budgetMs: options.budgetMs, last: () => String(last) });
  const end = (outcome: "done" | "failed"): void => {
    const event = { kind: "wait", node, what: name, outcome, last: String(last), ms: nowMs() - wait.since } as const;
    recordEvent(event, options.logPath ?? options.process?.logPath, wait.since);
  };
  try {
    const value = await poll(name, probe, last, options);
    end("done");
    return value;
  } catch (error) {
    end("failed");
    throw error;
  }
}

async function poll<T>(name: string, probe: Probe<T>, last: Observation, options: PollOptions): Promise<T> {
  const subject: WaitSubject = { ...options, name, last };
  const over = new AbortController();
  // Every try listens to it.
  setMaxListeners(0, over.signal);
  const end = firstEnd(options, over.signal);
  try {
    let interval = options.intervalMs ?? FIRST_INTERVAL_MS;
    for (;;) {
      const outcome = await Promise.race([tryOnce(probe, last, over.signal), end]);
      if (outcome.kind === "value") return outcome.value;
      if (outcome.kind === "failed") throw outcome.error;
      if (outcome.kind !== "not yet") throw await errorOf(outcome, subject);
      const interrupted = await Promise.race([pause(interval, over.signal), end]);
      if (interrupted !== undefined) throw await errorOf(interrupted, subject);
      interval = options.intervalMs ?? Math.min(interval * GROWTH, LONGEST_INTERVAL_MS);
    }
  } finally {
    over.abort();
  }
}

async function tryOnce<T>(probe: Probe<T>, last: Observation, signal: AbortSignal): Promise<Try<T>> {
  let saw = false;
  const attempt: PollAttempt = {
    signal,
    observed: (value) => {
      saw = true;
      last.value(value);
    },
    fail: (error) => {
      throw new FatalError("", { cause: error });
    },
  };
  try {
    const value = await probe(attempt);
    if (value !== undefined && value !== false) return { kind: "value", value };
    if (!saw) last.value(value === false ? "false" : "nothing yet");
    return { kind: "not yet" };
  } catch (error) {
    if (error instanceof FatalError) return { kind: "failed", error: error.cause };
    if (HarnessError.is(error) && (error.fault === "user" || error.code === "NODE_DIED"))
      return { kind: "failed", error };
    if (!signal.aborted) last.error(error);
    return { kind: "not yet" };
  }
}

/** Resolves (never rejects) with the first reason to stop trying. */
async function firstEnd(options: PollOptions, over: AbortSignal): Promise<End> {
  const { process, signal } = options;
  const ends: Promise<End>[] = [pause(options.budgetMs, over).then(() => ({ kind: "late" }) as const)];
  if (process !== undefined) ends.push(process.exited.then((exit) => ({ kind: "died", process, exit }) as const));
  if (signal !== undefined) ends.push(aborted(signal, over).then((reason) => ({ kind: "aborted", reason }) as const));
  return Promise.race(ends);
}

/** A pause that the end of the wait cuts short without an error. */
async function pause(ms: number, over: AbortSignal): Promise<undefined> {
  await sleep(ms, over).catch((error: unknown) => {
    if (!over.aborted) throw error;
  });
}

async function aborted(signal: AbortSignal, over: AbortSignal): Promise<unknown> {
  if (!signal.aborted) {
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true, signal: over });
    });
  }
  return signal.reason;
}

async function errorOf(end: End, subject: WaitSubject): Promise<unknown> {
  if (end.kind === "aborted") return end.reason;
  return end.kind === "late" ? timeoutError(subject) : diedError(subject, end.process, end.exit);
}

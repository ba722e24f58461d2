import type { Random } from "../../types";
import { pollUntil } from "../../wait";
import type { PollAttempt } from "../../wait";
import { exactCpuSeconds } from "../measure/process-usage";
import { Latencies } from "./latencies";
import type { LatencySummary } from "./latencies";
import { PageClient } from "./page-client";
import type { PageTarget } from "./page-request";

export interface PageLoadOptions {
  readonly clients: number;
  /**
   * Closed loop: each client has this many requests under way, and sends another with every answer. Open loop: each
   * sends so many per second, whether answers come or not, and latency counts from when a request was due.
   */
  readonly load: { readonly depth: number } | { readonly perSecond: number };
  readonly durationMs: number;
  /** What is answered in this time before doesn't count; 500 when not given. */
  readonly warmUpMs?: number;
  readonly random: Random;
  /** Whose processor time is taken; this process', which asks, when not given. */
  readonly pid?: number | undefined;
}

export interface PageLoadResult {
  readonly pages: number;
  readonly perSecond: number;
  readonly latency: LatencySummary;
  /** Microseconds of a core that `pid` needed for each page; undefined where that isn't counted. */
  readonly cpuPerPage: number | undefined;
  /** Requests that had no answer at the end of an open loop: the service could not keep up. */
  readonly left: number;
}

const END_BUDGET_MS = 60_000;
/** How often an open loop looks what is due. */
const TICK_MS = 1;

/** Asks for random pages and counts. Throws what a page service answers instead of a page. */
export async function runPageLoad(target: PageTarget, options: PageLoadOptions): Promise<PageLoadResult> {
  const clients = await Promise.all(
    Array.from({ length: options.clients }, async () => PageClient.connect(target, options.random)),
  );
  try {
    const stop =
      "depth" in options.load ? closedLoop(clients, options.load.depth) : openLoop(clients, options.load.perSecond);
    const answered = (): number => clients.reduce((sum, client) => sum + client.answered, 0);
    await passed(options.warmUpMs ?? 500, clients);
    const latencies = new Latencies();
    for (const client of clients) client.latencies = latencies;
    const cpuSince = cpuMeter(options.pid ?? process.pid);
    const [begin, before] = [performance.now(), answered()];
    await passed(options.durationMs, clients);
    const [seconds, pages, cpu] = [(performance.now() - begin) / 1000, answered() - before, cpuSince()];
    for (const client of clients) client.latencies = undefined;
    stop();
    const left = clients.reduce((sum, client) => sum + client.outstanding, 0);
    await drained(clients);
    const cpuPerPage = cpu === undefined || pages === 0 ? undefined : (cpu * 1e6) / pages;
    return { pages, perSecond: pages / seconds, latency: latencies.summary(), cpuPerPage, left };
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
}

/** Seconds of a core that a process has used since; undefined where they aren't counted. */
function cpuMeter(pid: number): () => number | undefined {
  const before = exactCpuSeconds(pid);
  return () => {
    const after = exactCpuSeconds(pid);
    return before === undefined || after === undefined ? undefined : after - before;
  };
}

function closedLoop(clients: readonly PageClient[], depth: number): () => void {
  let goesOn = true;
  for (const client of clients) {
    client.onAnswer((now) => {
      if (goesOn) client.ask(now);
    });
    for (let count = 0; count < depth; count += 1) client.ask(performance.now());
  }
  return () => (goesOn = false);
}

function openLoop(clients: readonly PageClient[], perSecond: number): () => void {
  const interval = 1000 / perSecond;
  const begin = performance.now();
  // Not all at the same moment.
  const due = clients.map((_, index) => begin + (index * interval) / clients.length);
  const tick = (): void => {
    const now = performance.now();
    for (const [index, client] of clients.entries()) {
      for (let next = due[index] ?? now; next <= now; next += interval) {
        client.ask(next);
        due[index] = next + interval;
      }
    }
  };
  const timer = setInterval(tick, TICK_MS);
  return () => clearInterval(timer);
}

async function passed(ms: number, clients: readonly PageClient[]): Promise<void> {
  const end = performance.now() + ms;
  const probe = ({ fail }: PollAttempt): boolean => {
    for (const { failure } of clients) if (failure !== undefined) fail(failure);
    return performance.now() >= end;
  };
  await pollUntil("the time of the load", probe, { budgetMs: ms + END_BUDGET_MS, intervalMs: Math.min(50, ms) });
}

async function drained(clients: readonly PageClient[]): Promise<void> {
  const probe = ({ fail }: PollAttempt): boolean => {
    for (const { failure } of clients) if (failure !== undefined) fail(failure);
    return clients.every(({ outstanding }) => outstanding === 0);
  };
  await pollUntil("the answers that are still to come", probe, { budgetMs: END_BUDGET_MS, intervalMs: 5 });
}

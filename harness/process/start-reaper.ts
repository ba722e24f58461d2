import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HarnessError } from "../types";
import { RUN_ID, RUN_STATE } from "./environment";
import { startTimeOf } from "./process-table.mjs";
import type { ProcessKey } from "./process-table.mjs";
import { readState, writeState } from "./state-file.mjs";
import { registerDirectory, runsDirectory } from "./run-state";

export interface ReaperOptions {
  readonly runId?: string | undefined;
  /** Removed at the end of the run, however it ends; more can be added with `registerDirectory`. */
  readonly directories?: readonly string[] | undefined;
}

export interface ReapReport {
  /** What still ran at the end of the run and had to be killed. */
  readonly killed: readonly { readonly pid: number; readonly command: string }[];
  readonly left: readonly { readonly pid: number; readonly command: string }[];
  readonly removed: readonly string[];
  /** What was to be undone outside of this machine's processes and files, and could not be. */
  readonly failed: readonly string[];
}

export interface Reaper {
  readonly runId: string;
  readonly pid: number;
  /** Ends the run: the reaper clears up, tells what it found, and exits. */
  finish(): Promise<ReapReport>;
}

/** One that can't even start is not started for ever. */
const MOST_REAPERS = 10;

const SCRIPT = fileURLToPath(new URL("reaper.mjs", import.meta.url));

/**
 * Call it in the runner, before the first worker starts: from then on a small process beside us sees to it that nothing
 * that we start outlives us, not even after SIGKILL. Workers and children inherit the run's marker by the environment.
 */
export function startReaper(options: ReaperOptions = {}): Reaper {
  const name = options.runId ?? `${Date.now().toString(36)}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const outer = { id: process.env[RUN_ID], state: process.env[RUN_STATE] };
  const runId = outer.id === undefined ? name : `${outer.id}/${name}`;
  const state = join(runsDirectory(), name);
  mkdirSync(state, { mode: 0o700 });
  writeState(state, "runner.json", { runId, runner: ourselves() });
  const watched = new WatchedReaper(state);
  process.env[RUN_ID] = runId;
  process.env[RUN_STATE] = state;
  for (const directory of options.directories ?? []) registerDirectory(directory);
  return {
    runId,
    get pid() {
      return watched.child.pid ?? 0;
    },
    finish: async () => {
      setOrDelete(RUN_ID, outer.id);
      setOrDelete(RUN_STATE, outer.state);
      return watched.finish();
    },
  };
}

/** A reaper that somebody kills is followed by another: the run must not go on without one. */
class WatchedReaper {
  readonly #state: string;
  #isEnding = false;
  #left = MOST_REAPERS;
  child: ChildProcess;

  constructor(state: string) {
    this.#state = state;
    this.child = this.#start();
  }

  async finish(): Promise<ReapReport> {
    this.#isEnding = true;
    return hearOut(this.child);
  }

  #start(): ChildProcess {
    const child = spawnReaper(this.#state);
    child.once("exit", () => {
      if (!this.#isEnding && (this.#left -= 1) > 0) this.child = this.#start();
    });
    return child;
  }
}

/** Clears up after runs whose runner and reaper were both killed; returns what they had left. */
export async function sweepStaleRuns(): Promise<ReapReport[]> {
  const runs = runsDirectory();
  const stale = readdirSync(runs).filter((name) => isStale(join(runs, name)));
  const reports = await Promise.all(stale.map(async (name) => sweep(join(runs, name))));
  return reports.filter((report) => report !== undefined);
}

/** Undefined where another run, which began at the same time, was faster. */
async function sweep(state: string): Promise<ReapReport | undefined> {
  try {
    return await hearOut(spawnReaper(state));
  } catch (error) {
    if (existsSync(state)) throw error;
    return undefined;
  }
}

/** The names of the runs that go on now. */
export function liveRuns(): string[] {
  const runs = runsDirectory();
  return readdirSync(runs).filter((name) => !isStale(join(runs, name)));
}

const ourselves = (): ProcessKey => ({ pid: process.pid, startTime: startTimeOf(process.pid) });

function setOrDelete(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

/** Its stdin is a pipe whose other end only we hold: the kernel closes it when we end, whatever ends us. */
function spawnReaper(state: string): ChildProcess {
  const { [RUN_ID]: _id, [RUN_STATE]: _state, NODE_OPTIONS: _options, ...env } = process.env;
  const child = spawn(process.execPath, [SCRIPT, state], {
    cwd: "/",
    env,
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
  });
  child.unref();
  for (const pipe of pipesOf(child)) pipe.unref();
  return child;
}

/** They are sockets, which the types don't say: without unref they would keep the runner alive. */
const pipesOf = (child: ChildProcess): Socket[] => [child.stdin, child.stdout].filter((pipe) => pipe instanceof Socket);

async function hearOut(child: ChildProcess): Promise<ReapReport> {
  child.ref();
  for (const pipe of pipesOf(child)) pipe.ref();
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  const closed = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
    if (child.exitCode !== null || child.signalCode !== null) resolve();
  });
  child.stdin?.on("error", () => undefined);
  child.stdin?.end();
  await closed;
  const text = Buffer.concat(chunks).toString("utf8");
  if (text !== "") return JSON.parse(text) as ReapReport;
  throw new HarnessError("LEFT_BEHIND", {
    summary: "the reaper of this run ended without a report",
    expected: "a process beside the run that clears up at its end",
    found: `exit code ${child.exitCode}, signal ${child.signalCode}`,
    todo: "see whether somebody killed it; the next run clears up what this one left",
  });
}

function isStale(state: string): boolean {
  const { runner } = (readState(state, "runner.json") ?? {}) as { runner?: ProcessKey };
  const reaper = readState(state, "reaper.json") as ProcessKey | undefined;
  return runner !== undefined && !lives(runner) && (reaper === undefined || !lives(reaper));
}

const lives = (key: ProcessKey): boolean => startTimeOf(key.pid) === key.startTime;

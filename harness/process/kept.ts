import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HarnessError } from "../types";
import { RUN_ID, RUN_STATE } from "./environment";
import { expectToStay } from "./leaks";
import { startTimeOf } from "./process-table.mjs";
import type { ProcessKey } from "./process-table.mjs";
import { runsDirectory } from "./run-state";
import { readState, writeState } from "./state-file.mjs";

const KEEPER = fileURLToPath(new URL("keeper.mjs", import.meta.url));
const PREFIX = "kept-";
const INFO = "info.json";

/** An environment that goes on after its test has failed, until somebody takes it down or its time is up. */
export interface KeptEnvironment {
  readonly id: string;
  readonly test: string;
  /** Lines for people: the psql command, each node's address, where its files are. */
  readonly description: readonly string[];
  readonly directory: string;
  /** Epoch ms. */
  readonly until: number;
}

export interface Keep {
  readonly test: string;
  readonly description: readonly string[];
  readonly directory: string;
  readonly pids: readonly number[];
  readonly keepMs: number;
}

/** Takes these processes, and what works in the directory, out of the run: its reaper spares them, a keeper has them. */
export function keepEnvironment({ pids, keepMs, ...known }: Keep): KeptEnvironment {
  const id = randomBytes(3).toString("hex");
  const state = join(runsDirectory(), `${PREFIX}${id}`);
  const info: KeptEnvironment = { ...known, id, until: Date.now() + keepMs };
  const rows = pids.map((pid) => ({ pid, startTime: startTimeOf(pid), name: "kept" }));
  expectToStay(rows);
  mkdirSync(state, { mode: 0o700 });
  writeState(state, INFO, info);
  writeFileSync(join(state, "processes"), linesOf(rows));
  // Data on tmpfs goes at the end, logs stay for who looks at them.
  const directories = directoriesOf(known.directory);
  writeFileSync(join(state, "directories"), linesOf(directories));
  const runner = { pid: process.pid, startTime: startTimeOf(process.pid) };
  writeState(state, "runner.json", { runId: `${PREFIX}${id}`, runner });
  const run = process.env[RUN_STATE];
  if (run !== undefined) {
    appendFileSync(join(run, "spared"), linesOf([...rows, ...directories, { undo: true }]));
    if (existsSync(join(run, "undo"))) copyFileSync(join(run, "undo"), join(state, "undo"));
  }
  const { [RUN_ID]: _id, [RUN_STATE]: _state, NODE_OPTIONS: _options, ...env } = process.env;
  spawn(process.execPath, [KEEPER, state, String(keepMs)], { cwd: "/", env, stdio: "ignore", detached: true }).unref();
  return info;
}

/** What of the run's directories belongs to a test: its own, and its computes' data elsewhere. */
function directoriesOf(directory: string): { path: string; remove: boolean }[] {
  return [{ path: directory, remove: false }, ...dataOf(directory).map((path) => ({ path, remove: true }))];
}

function dataOf(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const links = entries.filter((entry) => entry.isSymbolicLink() && entry.name === "pgdata");
  return links.map((entry) => realpathSync(join(entry.parentPath, entry.name)));
}

/** Throws UNKNOWN_TEST for an id that nothing is kept under. */
export function findKept(id: string): KeptEnvironment {
  const kept = listKept();
  const found = kept.find((each) => each.id === id);
  if (found !== undefined) return found;
  throw new HarnessError("UNKNOWN_TEST", {
    summary: `no environment is kept as ${id}`,
    expected:
      kept.length === 0
        ? "one that a failed test of `--keep on-failure` has left"
        : kept.map((each) => each.id).join(", "),
    found: id,
    todo: "an environment is gone an hour after its test failed, or after `neon-test down`",
  });
}

export function listKept(): KeptEnvironment[] {
  const runs = runsDirectory();
  const states = readdirSync(runs).filter((name) => name.startsWith(PREFIX));
  return states.flatMap((name) => (readState(join(runs, name), INFO) ?? []) as KeptEnvironment | []);
}

/** Whether nothing is left of it. */
export function isTakenDown({ id }: KeptEnvironment): boolean {
  const state = join(runsDirectory(), `${PREFIX}${id}`);
  return !existsSync(state);
}

/** Tells its keeper to end it. */
export function takeDown({ id }: KeptEnvironment): void {
  const known = readState(join(runsDirectory(), `${PREFIX}${id}`), "runner.json") as { runner: ProcessKey } | undefined;
  if (known === undefined) return;
  const { pid, startTime } = known.runner;
  if (startTimeOf(pid) === startTime) process.kill(pid, "SIGTERM");
}

const linesOf = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

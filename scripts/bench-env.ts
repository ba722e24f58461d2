import { mkdtempSync, readdirSync, readFileSync, rmSync, chownSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NeonEnvBuilder, TestDirectory } from "../harness/env";
import type { NeonEnv } from "../harness/env";
import { prepareEngine } from "../harness/engine";
import type { Engine } from "../harness/engine";
import { makeNodeDirectory, PgBin, VanillaPostgres } from "../harness/nodes";
import { PortPool } from "../harness/ports";
import type { PortLease } from "../harness/ports";
import { startReaper } from "../harness/process";

/**
 * `npm run bench:env`: what an environment costs, beside plain initdb + start + stop of the same Postgres, in turn, so
 * that the machine's noise meets both. Prints medians of ten rounds and exits with 1 when a budget is not kept.
 */
const ROUNDS = 10;
const MEGABYTE = 1024 * 1024;

interface Round {
  plainStartMs: number;
  plainStopMs: number;
  envStartMs: number;
  envStopMs: number;
  residentBytes: number;
  tasks: number;
}

async function timed<T>(action: () => Promise<T>): Promise<[number, T]> {
  const started = performance.now();
  const value = await action();
  return [performance.now() - started, value];
}

async function plainPostgres(engine: Engine, ports: PortLease): Promise<Pick<Round, "plainStartMs" | "plainStopMs">> {
  const repoDir = mkdtempSync(join(tmpdir(), "neon-bench-"));
  chmodSync(repoDir, 0o755);
  const identity = engine.facts.identity;
  if (identity !== undefined) chownSync(repoDir, identity.uid, identity.gid);
  const context = { engine, repoDir, environment: engine.facts.environment };
  const pgVersion = engine.defaultPgVersion();
  const pgBin = new PgBin(context, pgVersion);
  makeNodeDirectory(context, repoDir);
  const settings = { dataDir: join(repoDir, "pgdata"), port: await ports.next(), pgVersion, pgBin };
  const postgres = new VanillaPostgres(context, settings);
  const [plainStartMs] = await timed(async () => {
    await postgres.init();
    await postgres.start();
  });
  const [plainStopMs] = await timed(() => postgres.stop());
  rmSync(repoDir, { recursive: true, force: true });
  return { plainStartMs, plainStopMs };
}

async function environment(engine: Engine, ports: PortLease, round: number) {
  const directory = TestDirectory.create(
    join(tmpdir(), "neon-bench-env"),
    `${process.pid}-${round}`,
    engine.facts.identity,
  );
  const builder = new NeonEnvBuilder({ engine, pgVersion: engine.defaultPgVersion(), directory, ports });
  const [envStartMs, env] = await timed(async () => {
    const started = await builder.initStart();
    await started.endpoints.createStart("main");
    return started;
  });
  const pids = processesOf(env);
  const tasks = pids.reduce((sum, pid) => sum + tasksOf(pid), 0);
  const residentBytes = pids.reduce((sum, pid) => sum + pssOf(pid), 0);
  const [envStopMs] = await timed(async () => {
    await env.tearDown({ passed: true });
    directory.remove();
  });
  return { envStartMs, envStopMs, residentBytes, tasks };
}

/** The nodes, and all that descends from them. */
function processesOf(env: NeonEnv): number[] {
  const nodes = [env.storageController, env.broker, ...env.safekeepers, ...env.pageservers, ...env.endpoints.all];
  const roots = new Set(nodes.map((node) => node.pid));
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? readProc(`/proc/${name}/stat`) : "";
    const ppid = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (stat !== "") parents.set(Number(name), ppid);
  }
  return [...parents.keys()].filter((pid) => descends(pid, roots, parents));
}

function descends(pid: number, roots: ReadonlySet<number | undefined>, parents: ReadonlyMap<number, number>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
    if (roots.has(at)) return true;
  return false;
}

/** Resident memory, shared pages counted by share. */
function pssOf(pid: number): number {
  const match = /^Pss:\s+(\d+) kB/m.exec(readProc(`/proc/${pid}/smaps_rollup`));
  return match === null ? 0 : Number(match[1]) * 1024;
}

const tasksOf = (pid: number): number => Number(/^Threads:\s+(\d+)/m.exec(readProc(`/proc/${pid}/status`))?.[1] ?? 0);

function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process ended meanwhile.
    return "";
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

function report(rounds: readonly Round[]): boolean {
  const of = (key: keyof Round): number => median(rounds.map((round) => round[key]));
  const ratio = median(rounds.map((round) => round.envStartMs / round.plainStartMs));
  const rows: [string, string, boolean | undefined][] = [
    ["initdb + start", `${of("plainStartMs").toFixed(0)} ms`, undefined],
    ["stop", `${of("plainStopMs").toFixed(0)} ms`, undefined],
    ["initStart() + createStart(main)", `${of("envStartMs").toFixed(0)} ms`, undefined],
    ["  ratio to initdb + start (budget 1.5)", ratio.toFixed(2), ratio <= 1.5],
    ["whole teardown (budget 1000 ms)", `${of("envStopMs").toFixed(0)} ms`, of("envStopMs") <= 1000],
    [
      "resident (budget 600 MB)",
      `${(of("residentBytes") / MEGABYTE).toFixed(0)} MB`,
      of("residentBytes") <= 600 * MEGABYTE,
    ],
    ["processes and threads", `${of("tasks")}`, undefined],
  ];
  console.log(`medians of ${rounds.length} rounds, one after the other:`);
  for (const [name, value, kept] of rows) {
    console.log(`${name.padEnd(42)}${value.padStart(9)}${kept === undefined ? "" : kept ? "  ok" : "  OVER BUDGET"}`);
  }
  return rows.every(([, , kept]) => kept !== false);
}

const engine = await prepareEngine();
console.log(engine.describe());
const reaper = startReaper();
const ports = await PortPool.lease();
const rounds: Round[] = [];
// The first round fills caches (initdb's template, the page cache) and is not counted.
for (let round = 0; round <= ROUNDS; round += 1) {
  const both = { ...(await plainPostgres(engine, ports)), ...(await environment(engine, ports, round)) };
  if (round > 0) rounds.push(both);
}
await ports[Symbol.asyncDispose]();
await reaper.finish();
process.exitCode = report(rounds) ? 0 : 1;

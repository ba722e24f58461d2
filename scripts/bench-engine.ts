import { appendFileSync, chmodSync, chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { NeonEnvBuilder, TestDirectory } from "../harness/env";
import { prepareEngine } from "../harness/engine";
import { makeNodeDirectory, PgBin, VanillaPostgres } from "../harness/nodes";
import { PortPool } from "../harness/ports";
import { startReaper } from "../harness/process";
import { MEASUREMENTS } from "./bench/engine";
import type { Bench, Row } from "./bench/engine/measurement";

/**
 * `npm run bench:engine [-- NAME…]`: what the engine's nodes do per second and what they weigh. Prints medians and exits
 * with 1 when a number is not kept. One file per measurement, in scripts/bench/engine.
 */
const engine = await prepareEngine();
const reaper = startReaper();
const ports = await PortPool.lease();
let counter = 0;

const bench: Bench = {
  async withEnv(settings, work) {
    counter += 1;
    const { identity } = engine.facts;
    const name = `${process.pid}-${counter}`;
    const directory = TestDirectory.create(join(tmpdir(), "neon-bench-engine"), name, identity);
    const builder = new NeonEnvBuilder({ engine, pgVersion: engine.defaultPgVersion(), directory, ports });
    const env = await builder.with(settings).initStart();
    try {
      return await work(env);
    } finally {
      await env.discard();
      directory.remove();
    }
  },
  async withPostgres(work) {
    const repoDir = mkdtempSync(join(tmpdir(), "neon-bench-postgres-"));
    const { identity, environment } = engine.facts;
    chmodSync(repoDir, 0o755);
    if (identity !== undefined) chownSync(repoDir, identity.uid, identity.gid);
    const context = { engine, repoDir, environment };
    const pgVersion = engine.defaultPgVersion();
    const pgBin = new PgBin(context, pgVersion);
    makeNodeDirectory(context, repoDir);
    const made: VanillaPostgres[] = [];
    const make = async (name: string): Promise<VanillaPostgres> => {
      const settings = { dataDir: join(repoDir, name), port: await ports.next(), pgVersion, pgBin };
      const postgres = new VanillaPostgres(context, settings);
      await postgres.init();
      made.push(postgres);
      return postgres;
    };
    const makeStandby = async (primary: VanillaPostgres, name: string): Promise<VanillaPostgres> => {
      const settings = { ...primary.settings, dataDir: join(repoDir, name), port: await ports.next() };
      await execa("cp", ["-a", primary.settings.dataDir, settings.dataDir]);
      const standby = new VanillaPostgres(context, settings);
      const source = `host=127.0.0.1 port=${primary.port} user=cloud_admin application_name=${name}`;
      standby.configure([`port=${settings.port}`, `primary_conninfo='${source}'`]);
      appendFileSync(join(settings.dataDir, "standby.signal"), "");
      made.unshift(standby);
      return standby;
    };
    try {
      return await work({ make, makeStandby });
    } finally {
      for (const postgres of made) await postgres.stop({ immediate: true });
      rmSync(repoDir, { recursive: true, force: true });
    }
  },
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

function medians(rounds: readonly Row[][]): Row[] {
  return (rounds[0] ?? []).map((row, index) => ({
    ...row,
    value: median(rounds.map((round) => round[index]?.value ?? Number.NaN)),
  }));
}

function isKept({ value, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }: Row): boolean {
  return value >= atLeast && value <= atMost;
}

function print(row: Row): void {
  const value = `${row.value >= 100 ? row.value.toFixed(0) : row.value.toFixed(2)} ${row.unit}`;
  const limit = row.atLeast !== undefined ? `≥ ${row.atLeast}` : row.atMost !== undefined ? `≤ ${row.atMost}` : "";
  const verdict = limit === "" ? "" : isKept(row) ? "ok" : "NOT KEPT";
  console.log(`${row.name.padEnd(48)}${value.padStart(16)}  ${limit.padEnd(10)}${verdict}`);
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !MEASUREMENTS.some((measurement) => measurement.name === name));
if (unknown.length > 0) {
  console.error(`no measurement ${unknown.join(", ")}; there are: ${MEASUREMENTS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
console.log(engine.describe());
let kept = true;
for (const measurement of MEASUREMENTS) {
  if (wanted.length > 0 && !wanted.includes(measurement.name)) continue;
  const rounds: Row[][] = [];
  for (let round = 0; round < measurement.rounds; round += 1) rounds.push(await measurement.run(bench));
  for (const row of medians(rounds)) {
    print(row);
    kept &&= isKept(row);
  }
}
await ports[Symbol.asyncDispose]();
await reaper.finish();
process.exitCode = kept ? 0 : 1;

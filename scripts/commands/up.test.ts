import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { listProcesses } from "../../harness/process/process-table.mjs";
import { pollUntil } from "../../harness/wait";
import { neonTest } from "../testing/command";

/** One statement in a session of its own; throws while the compute is down. */
async function query(connstr: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: connstr, connectionTimeoutMillis: 2_000 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** A zombie is gone: what it waits for is only its parent, which may be a slow init. */
const isGone = (pid: number): boolean => !listProcesses().some((row) => row.pid === pid && row.alive);

/** Names in /dev/shm of the run that this process began. */
const sharedMemoryOf = (pid: number): string[] =>
  existsSync("/dev/shm") ? readdirSync("/dev/shm").filter((name) => name.includes(`-${pid}-`)) : [];

test("`up` gives a Neon that survives kills, and Ctrl-C takes it down without a trace", async () => {
  const run = neonTest(["up"]);
  onTestFinished(() => void run.kill("SIGKILL"));
  let output = "";
  run.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const printed = (pattern: RegExp): Promise<RegExpExecArray> =>
    pollUntil(`up to print ${pattern}`, () => pattern.exec(output) ?? undefined, {
      budgetMs: 30_000,
      describe: () => output,
    });
  const rowsAfter = (reason: string, expected: unknown[]): Promise<unknown> => {
    const probe = async () => {
      const rows = await query(connstr, "select i from t order by i");
      expect(rows).toEqual(expected);
      return true;
    };
    return pollUntil(`the rows after ${reason}`, probe, { budgetMs: 20_000 });
  };

  const connstr = (await printed(/^ {2}psql '(postgresql:\/\/\S+)'/m))[1] ?? "";
  const files = (await printed(/^ {2}files +(\S+)$/m))[1] ?? "";
  const computeCtl = Number((await printed(/^ {2}compute_ctl .*pid (\d+)$/m))[1]);
  const pageserver = (await printed(/^ {2}pageserver-1 +(http:\S+) +pid (\d+)$/m)).slice(1);
  expect(await (await fetch(`${pageserver[0]}/v1/status`)).json()).toEqual({ id: 1 });

  await query(connstr, "create table t as select 1 as i");
  process.kill(computeCtl, "SIGKILL");
  await printed(/^ep-1 is back, pid \d+$/m);
  await rowsAfter("SIGKILL of compute_ctl", [{ i: 1 }]);

  await query(connstr, "insert into t values (2)");
  const postmaster = Number(readFileSync(`${files}/endpoints/ep-1/pgdata/postmaster.pid`, "utf8").split("\n")[0]);
  process.kill(postmaster, "SIGKILL");
  await printed(/ep-1 is back[^]*ep-1 is back, pid \d+$/m);
  await rowsAfter("SIGKILL of the postmaster", [{ i: 1 }, { i: 2 }]);

  process.kill(Number(pageserver[1]), "SIGKILL");
  await printed(/^pageserver-1 is back, pid \d+$/m);

  const pids = [...output.matchAll(/pid (\d+)$/gm)].map(([, pid]) => Number(pid));
  run.kill("SIGINT");
  const { exitCode, stderr } = await run;
  expect(exitCode).toBe(0);
  expect(stderr).toBe("");
  expect(output).toMatch(/gone without a trace\n$/);
  expect(pids.length).toBeGreaterThanOrEqual(10);
  expect(pids.filter((pid) => !isGone(pid))).toEqual([]);
  expect(isGone(postmaster)).toBe(true);
  expect(existsSync(dirname(files))).toBe(false);
  expect(sharedMemoryOf(run.pid ?? 0)).toEqual([]);
});

import { existsSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { isAlive } from "../harness/testing";
import { pollUntil } from "../harness/wait";
import { InlineSuite, lastLine } from "./testing/inline-suite";
import { neonTest } from "./testing/command";

const FAILS = `
import { writeFileSync } from "node:fs";
test("fails", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql\`create table t as select 42 as i\`;
  writeFileSync(process.env.SCRATCH + "/pids", JSON.stringify([env.broker.pid, env.pageserver.pid, endpoint.pid]));
  writeFileSync(process.env.SCRATCH + "/pgdata", JSON.stringify(endpoint.pgdata));
  expect(1).toBe(2);
});
test("passes", ({ neonSimpleEnv: env }) => expect(env.broker.isRunning()).toBe(true));`;

test("--keep on-failure leaves the environment running; attach shows it, down ends it", async () => {
  using suite = new InlineSuite({ one: FAILS });
  const { stdout, stderr, exitCode } = await suite.start(["--keep", "on-failure"]);
  const [, id = ""] = /^ {2}neon-test down (\w+)$/m.exec(stdout) ?? [];
  onTestFinished(async () => void (await neonTest(["down", id])));
  expect(stderr).not.toMatch(/LEFT_BEHIND/);
  expect(lastLine(stdout)).toBe("1 passed, 1 failed, 0 skipped");
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(
    /^it is kept running for an hour:\n {2}psql 'postgresql:\/\/cloud_admin@127\.0\.0\.1:\d+\/postgres' +\(ep-1\)$/m,
  );
  const pids = suite.note("pids") as number[];
  expect(pids.map(isAlive)).toEqual([true, true, true]);
  expect(existsSync(suite.note("pgdata") as string)).toBe(true);

  const list = await neonTest(["attach"]);
  expect(list.stdout).toMatch(new RegExp(`^${id} {2}(59|60) min left {2}one fails$`, "m"));
  const attached = neonTest(["attach", id]);
  let shown = "";
  attached.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()));
  attached.stderr.on("data", (chunk: Buffer) => (shown += chunk.toString()));
  await pollUntil("the logs", () => /^one fails, kept for/m.test(shown) && /^\[pageserver\] .*INFO/m.test(shown), {
    budgetMs: 20_000,
  });

  const down = await neonTest(["down", id]);
  expect(down).toMatchObject({ exitCode: 0, stderr: "" });
  expect((await attached).exitCode).toBe(0);
  expect(pids.map(isAlive)).toEqual([false, false, false]);
  expect(existsSync(suite.note("pgdata") as string)).toBe(false);
  const again = await neonTest(["down", id]);
  expect(again.stderr).toMatch(/^neon-test: UNKNOWN_TEST: no environment is kept as/);
  expect(again.exitCode).toBe(2);
});

test("doctor says what is there, and fails only where no test could run", async () => {
  const good = await neonTest(["doctor"]);
  expect(good.exitCode).toBe(0);
  expect(good.stdout).toMatch(/^ok {4}engine +embedded engine .*\n +Postgres .*v17/m);
  expect(good.stdout).toMatch(/^ok {4}machine +\d+ cores, .*: -n auto is \d+$/m);
  const bad = await neonTest(["doctor"], { NEON_BIN: "/none" });
  expect(bad.exitCode).toBe(1);
  expect(bad.stdout).toMatch(/^FAIL {2}engine +BINARY_MISSING: NEON_BIN names \/none/m);
});

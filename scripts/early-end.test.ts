import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { expect, onTestFinished, test } from "vitest";
import { pollUntil } from "../harness/wait";
import type { PollAttempt } from "../harness/wait";
import { isAlive } from "../harness/testing";
import { PACKAGE_ROOT } from "./project";
import { InlineSuite, lastLine } from "./testing/inline-suite";

/** Starts a node, writes down its pid, and then waits until somebody ends the run. */
const WAITS_FOR_EVER = `
  import { writeFileSync } from "node:fs";
  test("waits for ever", async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.initConfigs();
    await env.broker.start();
    writeFileSync(process.env.SCRATCH + "/pid", String(env.broker.pid));
    await new Promise(() => {});
  });
  test("is never run", () => {});`;

test("-x stops after the first failure, and --preserve-database-files keeps what passed", async () => {
  using suite = new InlineSuite({
    one: `
      test("first", ({ testOutputDir }) => expect(testOutputDir).toBeTruthy());
      test("second", () => expect(1).toBe(2));
      test("third", ({ testOutputDir }) => expect(testOutputDir).toBeTruthy());`,
  });
  const { stdout, stderr, exitCode } = await suite.start(["-x", "--preserve-database-files", "-n", "1"]);
  expect(lastLine(stdout)).toBe("1 passed, 1 failed, 0 skipped");
  expect(stdout).toMatch(/^FAIL {2}.* > second$/m);
  expect(stderr).toMatch(/expected 1 to be 2/);
  expect(exitCode).toBe(1);
  expect(readdirSync(suite.output)).toEqual(["one-first"]);
  expect(stdout).toMatch(/^pass {2}one > first {2}.*\n {6}kept: \S+\/one-first$/m);
});

test("Ctrl-C takes the nodes down, says how far it got, and ends with exit code 130", async () => {
  using suite = new InlineSuite({
    one: WAITS_FOR_EVER,
  });
  const run = suite.start();
  onTestFinished(() => void run.kill("SIGKILL"));
  await pollUntil("the test to start its broker", () => suite.hasNote("pid"), { budgetMs: 30_000 });
  const broker = suite.note("pid") as number;
  expect(isAlive(broker)).toBe(true);
  const pressed = performance.now();
  run.kill("SIGINT");
  const { stdout, exitCode } = await run;
  expect(performance.now() - pressed).toBeLessThan(10_000);
  expect(exitCode).toBe(130);
  expect(stdout).toMatch(/^interrupted$/m);
  expect(lastLine(stdout)).toMatch(/^0 passed, \d failed, \d skipped$/);
  expect(isAlive(broker)).toBe(false);
  expect(suite.leftovers()).toEqual([]);
  expect(existsSync(suite.output) ? readdirSync(suite.output) : []).toEqual([]);
});

test("SIGKILL of the command leaves no node, no worker and no directory", async () => {
  using suite = new InlineSuite({
    one: WAITS_FOR_EVER,
  });
  const run = suite.start();
  await pollUntil("the test to start its broker", () => suite.hasNote("pid"), { budgetMs: 30_000 });
  run.kill("SIGKILL");
  await run;
  // The reaper does it, right after the command is gone.
  const probe = ({ observed }: PollAttempt): boolean => {
    const left = [...suite.leftovers(), ...(existsSync(suite.output) ? readdirSync(suite.output) : [])];
    observed(left.join(", "));
    return left.length === 0;
  };
  await pollUntil("everything of the run to be gone", probe, { budgetMs: 10_000 });
});

test("vitest by itself: a worker that is slow to end is not taken for something left behind", async () => {
  using suite = new InlineSuite({});
  writeFileSync(
    join(suite.root, "slow.test.js"),
    `import { test } from "vitest";
    process.on("SIGTERM", () => undefined);
    const block = () => { for (const end = Date.now() + 1500; Date.now() < end; ); };
    test("passes", () => void setTimeout(block, 200));`,
  );
  const globalSetup = JSON.stringify(join(PACKAGE_ROOT, "fixtures", "global-setup.ts"));
  const config = `export default { test: { include: ["*.test.js"], isolate: false, globalSetup: ${globalSetup} } };`;
  writeFileSync(join(suite.root, "vitest.config.mjs"), config);
  const { NEON_TEST_RUN_STATE: _outer, FORCE_COLOR: _color, ...env } = process.env;
  const vitest = join(PACKAGE_ROOT, "node_modules", "vitest", "vitest.mjs");
  const run = await execa(process.execPath, [vitest, "run", "--root", suite.root], {
    env: { ...env, NO_COLOR: "1" },
    extendEnv: false,
    reject: false,
    all: true,
  });
  expect([run.exitCode, run.all]).toEqual([0, expect.stringMatching(/Tests +1 passed/)]);
});

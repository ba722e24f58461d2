import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { pollUntil } from "../harness/wait";
import { InlineSuite, lastLine } from "./testing/inline-suite";

const one = `
import { appendFileSync } from "node:fs";
test("plain", () => {});
test("takes long", { tags: ["slow"] }, () => {});
test("is elsewhere", { tags: ["remote"] }, () => {});
test("is for real Neon", { tags: ["real-only"] }, () => {});
test("fails", () => { console.log("said before it failed"); expect(1).toBe(2); });
test("fails, too", () => expect(1).toBe(3));
test("hangs", async () => new Promise(() => {}));
`;

const two = `
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
test("fails the second time", () => {
  const mark = process.env.SCRATCH + "/been-here";
  const again = existsSync(mark);
  writeFileSync(mark, "");
  expect(again).toBe(false);
});
for (const name of ["a", "b", "c", "d", "e"]) test(name, ({ neonEnvBuilder, seed }) => {
  const { initialTenant } = neonEnvBuilder.settings;
  appendFileSync(process.env.SCRATCH + "/order", [name, initialTenant, seed].join(" ") + "\\n");
});
`;

// Some start the command three times, and all of them at once.
describe("choosing and repeating", { concurrent: true, timeout: 300_000 }, () => {
  const suite = new InlineSuite({ one, two });
  afterAll(() => suite[Symbol.dispose]());
  const names = (stdout: string): string[] =>
    [...stdout.matchAll(/^(pass|FAIL|skip) {2}(.*?) {2}/gm)].map(([, a, b]) => `${a} ${b}`);

  test("--list --json tells what is known of each test", async ({ expect: check }) => {
    const { stdout, exitCode } = await suite.start(["one", "--list", "--json"]);
    check(exitCode).toBe(0);
    const rows = JSON.parse(stdout) as Record<string, unknown>[];
    check(rows[1]).toEqual({
      fullName: "one > takes long",
      suite: "tests",
      file: "one.test.ts",
      name: "takes long",
      tags: ["slow"],
      requires: [],
      expectedSeconds: 2,
    });
    check(rows).toHaveLength(7);
  });

  test("slow and remote tests run when they are named, those for real Neon where it is", async ({ expect: check }) => {
    const { stdout } = await suite.start(["one", "-k", "plain or takes or elsewhere or real", "--slow"]);
    check(stdout).toMatch(/^pass {2}one > plain /m);
    check(stdout).toMatch(/^pass {2}one > takes long /m);
    check(stdout).toMatch(/^skip {2}one > is elsewhere {2}\(remote: runs with --tags remote\)$/m);
    check(stdout).toMatch(/^skip {2}one > is for real Neon {2}\(for Neon's own binaries only: embedded engine .*\)$/m);
    const tagged = await suite.start(["one", "--tags", "remote or real-only"]);
    check(names(tagged.stdout)).toEqual(["pass one > is elsewhere", "skip one > is for real Neon"]);
  });

  test("--bail, what a failure shows, and --last-failed", async ({ expect: check }) => {
    using own = new InlineSuite({ one });
    const { stdout, stderr, exitCode } = await own.start(["one", "-k", "fails", "--bail", "1", "-n", "1"]);
    check(exitCode).toBe(1);
    check(lastLine(stdout)).toBe("0 passed, 1 failed, 0 skipped");
    check(stdout).toMatch(
      /^FAIL {2}one > fails\nit wrote:\n {2}said before it failed\nagain: neon-test one\.test\.ts -k '"fails"' --seed \d+$/m,
    );
    check(stderr).toMatch(/expected 1 to be 2/);
    const again = await own.start(["--last-failed"]);
    check(names(again.stdout)).toEqual(["FAIL one > fails"]);
    const hanging = await own.start(["one", "-k", "hangs or fails", "--timeout", "300ms", "--bail", "3"]);
    check(lastLine(hanging.stdout)).toBe("0 passed, 3 failed, 0 skipped");
    check(hanging.stderr).toMatch(/Test timed out in 300ms/);
  });

  test("--until-fail goes on until a round fails, and names the test as flaky", async ({ expect: check }) => {
    const { stdout, exitCode } = await suite.start(["two", "-k", "second", "--until-fail", "--repeat", "5"]);
    check(exitCode).toBe(1);
    check(stdout).toMatch(/^round 2\/5$/m);
    check(stdout).not.toMatch(/^round 3/m);
    check(stdout).toMatch(/^flaky {2}two > fails the second time {2}failed 1 of 2\n1 passed, 1 failed, 0 skipped$/m);
  });

  test("--seed gives order, ids and the fixture `seed`; each round has its own", async ({ expect: check }) => {
    using own = new InlineSuite({ two });
    const runs: string[][] = [];
    for (const args of [["--seed", "5", "--repeat", "2"], ["--seed", "6"], []]) {
      const before = own.hasNote("order") ? readFileSync(join(own.scratch, "order"), "utf8") : "";
      await own.start(["-k", "not second", ...args]);
      const text = readFileSync(join(own.scratch, "order"), "utf8").slice(before.length);
      runs.push(text.trimEnd().split("\n"));
    }
    const [fiveAndSix = [], six = [], natural = []] = runs;
    check(fiveAndSix.slice(5)).toEqual(six);
    check(fiveAndSix.slice(0, 5).toSorted()).not.toEqual(six.toSorted());
    check(natural.map((line) => line[0]).join("")).toBe("abcde");
    check(
      new Set([fiveAndSix.slice(0, 5), six, natural].map((lines) => lines.map((line) => line[0]).join(""))).size,
    ).toBe(3);
    check(new Set(fiveAndSix.map((line) => line.split(" ")[1])).size).toBe(10);
  });

  test("shards share the tests among them, and --update-durations lets the next plan know", async ({
    expect: check,
  }) => {
    using own = new InlineSuite({ two });
    await own.start(["-k", "not second", "--update-durations"]);
    check(Object.keys(JSON.parse(readFileSync(join(own.root, "durations.json"), "utf8")) as object)).toHaveLength(5);
    const first = await own.start(["--shard", "1/2"]);
    const second = await own.start(["--shard", "2/2"]);
    check(first.stdout).toMatch(/^shard 1\/2: \d of 6 tests, planned \d+ s of \d+ s, spread \d\.\d\d$/m);
    check([...names(first.stdout), ...names(second.stdout)].toSorted()).toEqual(
      ["a", "b", "c", "d", "e", "fails the second time"].map((name) => `pass two > ${name}`),
    );
  });
});

test("--watch runs a file again when it changes, until Ctrl-C", async () => {
  using suite = new InlineSuite({ one: `test("first", () => {});` });
  const run = suite.start(["--watch"]);
  onTestFinished(() => void run.kill("SIGKILL"));
  let output = "";
  run.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const printed = (pattern: RegExp) =>
    pollUntil(`${pattern}`, ({ observed }) => (observed(output), pattern.test(output)), { budgetMs: 30_000 });
  await printed(/1 passed, 0 failed.*\nwaiting for changes/);
  suite.write("one", `test("second", () => {});`);
  await printed(/pass {2}one > second (.|\n)*waiting for changes/);
  run.kill("SIGINT");
  expect((await run).exitCode).toBe(130);
});

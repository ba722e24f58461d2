import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readResults } from "../harness/benchmark/results";
import { isLongRun } from "../harness/testing";
import { InlineSuite } from "./testing/inline-suite";

/** Its system is a loop. It says the processor time that it took, for the tests beside it take cores away for long. */
const SPIN = `
function spin(rounds: number): number {
  const begin = process.cpuUsage();
  let sum = 0;
  for (let count = 0; count < rounds * 100_000; count += 1) sum += Math.sqrt(count);
  const { user, system } = process.cpuUsage(begin);
  return sum > 0 ? (user + system) / 1e6 : 0;
}
test("a loop", async ({ benchmark }) => {
  const slowdown = Number(process.env.SLOWDOWN ?? "1");
  benchmark.with({ rounds: 200 });
  spin(400);
  for (let round = 0; round < 5; round += 1) {
    await benchmark.turn();
    benchmark.record("as always", spin(200), "s", "lower");
    benchmark.record("planted", spin(200 * slowdown), "s", "lower");
    benchmark.record("per second", 1 / spin(200 * slowdown), "1/s", "higher");
  }
});
`;

const suite = new InlineSuite({
  loop: SPIN,
  greedy: `test("asks for much", { meta: { benchmarkNeeds: { diskMb: 1e9 } } }, () => {});
test("asks for more", { meta: { benchmarkNeeds: { memoryMb: 1e9 } } }, () => {});`,
  half: `import { totalmem } from "node:os";
test("asks for most of it", { meta: { benchmarkNeeds: { memoryMb: (0.7 * totalmem()) / 1024 ** 2 } } }, () => {});`,
  once: `test("fails once", async ({ benchmark }) => {
  const { NEON_TEST_BENCHMARK_SIDE: side, NEON_TEST_BENCHMARK_ROUND: round } = process.env;
  benchmark.record("first", 1, "s", "lower");
  if (side === "B" && round === "1") throw new Error("once");
  await benchmark.turn();
  benchmark.record("second", 1, "s", "lower");
});`,
  remote: `test("is elsewhere [remote]", () => {});`,
  dies: `test("dies", ({ benchmark }) => { benchmark.record("first", 1, "s", "lower"); process.exit(7); });`,
});
afterAll(() => suite[Symbol.dispose]());

const results = (name: string): string => join(suite.scratch, name);

async function performance(args: readonly string[], env: Record<string, string> = {}) {
  const { neonTest } = await import("./testing/command");
  return neonTest(
    ["performance", ...args],
    { TEST_OUTPUT: suite.output, ...env },
    { cwd: suite.root, timeoutMs: 390_000 },
  );
}

test("a run writes its values, prints them, and makes a page of them that needs nothing else", async () => {
  const { exitCode, stdout } = await performance(
    ["loop", "--out-dir", results("run"), "--scale", "2", "--junit", results("junit.xml")],
    {
      PLATFORM: "here",
    },
  );
  expect(exitCode, stdout).toBe(0);
  expect(stdout).toMatch(/^machine's noise before: /m);
  expect(stdout).toMatch(
    /^a loop \[neon\] {2}rounds 200, scale of the run 2\n {2}as always +[\d.]+ s +\(.* 5 values\)$/m,
  );
  const lines = readResults(results("run"));
  expect(lines).toHaveLength(15);
  expect(lines[0]).toMatchObject({
    platform: "here",
    benchmark: "a loop",
    scale: 2,
    parameters: { rounds: 200 },
    isEmbedded: true,
  });
  expect(readFileSync(results("junit.xml"), "utf8")).toMatch(/<property name="as always \[s\]" value="[\d.e-]+"\/>/);
  const page = readFileSync(join(results("run"), "index.html"), "utf8");
  expect(page).toContain("not Neon's numbers");
  expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
});

test(
  "A and B take turns at every measurement, and what the first time measures is left out",
  { timeout: 400_000 },
  async () => {
    const args = ["loop", "--compare", "this", "SLOWDOWN=1.25", "--rounds", "1", "--out-dir", results("turns")];
    const { exitCode, stdout } = await performance(args);
    expect(exitCode, stdout).toBe(0);
    const order = [...stdout.matchAll(/^([AB]) {2}loop\.test\.ts {2}(warm-up|round \d)/gm)];
    const turns = ["A warm-up", "B warm-up", "B round 1", "A round 1"];
    expect(order.map(([, side, place]) => `${side} ${place}`)).toEqual(turns);
    expect(stdout).toMatch(/a loop \[neon\]: planted +no verdict: 1 round is too few, 6 are the least/);
    expect(stdout).toMatch(/^no verdict in any of 3 metrics/m);
    // What is measured, too, and who begins changes from round to round.
    const sides = readResults(results("turns")).map(({ side, name }) => `${side} ${name}`);
    const ofTurn = (side: string): string[] => ["as always", "planted", "per second"].map((name) => `${side} ${name}`);
    expect(sides).toEqual(Array.from({ length: 5 }, () => [...ofTurn("B"), ...ofTurn("A")]).flat());
    expect(readFileSync(join(results("turns"), "index.html"), "utf8")).toContain("A and B");
    expect(readdirSync(results("turns")).filter((name) => name.includes("warm-up"))).toEqual([]);
  },
);

test("a round that fails on one side is shown, and does not end the comparison", async () => {
  const args = ["once", "--compare", "this", "this", "--rounds", "2", "--out-dir", results("once")];
  const { exitCode, stdout } = await performance(args);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/^B {2}once\.test\.ts {2}round 1\/2 {2}0 passed, 1 failed, 0 skipped\n[^]*Error: once/m);
  const ends = [...stdout.matchAll(/^([AB]) {2}once\.test\.ts {2}(warm-up|round \d)/gm)];
  expect(ends.map(([, side]) => side).join("")).toBe("ABBAAB");
  expect(readResults(results("once")).map(({ side, round, name }) => `${side}${round} ${name}`)).toEqual([
    "B1 first",
    "A1 first",
    "A1 second",
    "A2 first",
    "B2 first",
    "A2 second",
    "B2 second",
  ]);
});

/** What verdicts are worth is tested beside them, in seconds; here once more with all that lies around them. */
test.runIf(isLongRun)(
  "A and B: what is the same is no difference, a planted quarter is found, both ways round",
  { timeout: 400_000 },
  async () => {
    const args = ["loop", "--compare", "this", "SLOWDOWN=1.25", "--rounds", "8", "--out-dir", results("compared")];
    const { exitCode, stdout } = await performance(args);
    expect(exitCode, stdout).toBe(0);
    expect(stdout).toMatch(/a loop \[neon\]: as always +no difference: × (0\.9|1\.0)\d/);
    expect(stdout).toMatch(/a loop \[neon\]: planted +B is worse: × 1\.[12]\d/);
    expect(stdout).toMatch(/a loop \[neon\]: per second +B is worse: × 1\.[12]\d/);
    expect(stdout).toMatch(/^B is worse in 2 of 3 metrics \(8 rounds, 99\.2% confidence each\)$/m);
  },
);

test("a baseline that is kept, and one that isn't", { timeout: 200_000 }, async () => {
  await performance(["loop", "--out-dir", results("old")]);
  const [file = ""] = readdirSync(results("old")).filter((name) => name.endsWith(".jsonl"));
  const baseline = ["--baseline", join(results("old"), file)];
  const same = await performance(["loop", ...baseline, "--fail-over", "1.6", "--out-dir", results("same")]);
  expect(same.stdout).toMatch(/^against the baseline: 0 of 3 metrics worse by more than 1\.6$/m);
  expect(same.exitCode).toBe(0);
  const worse = await performance(["loop", ...baseline, "--out-dir", results("worse")], { SLOWDOWN: "2" });
  expect(worse.stdout).toMatch(/^WORSE {2}a loop \[neon\]: planted {2}× [12]\.\d/m);
  expect(worse.exitCode).toBe(1);
});

test("a run that dies leaves what it had", async () => {
  const { exitCode } = await performance(["dies", "--out-dir", results("dead")]);
  expect(exitCode).toBe(1);
  expect(readResults(results("dead"))).toMatchObject([{ name: "first", value: 1 }]);
  expect(existsSync(join(results("dead"), "index.html"))).toBe(true);
});

describe("what is said before anything runs", () => {
  const nowhere = { BENCHMARK_CONNSTR: "postgresql://me:secret@127.0.0.1:1/db" };
  const rows: [string, string[], Record<string, string>, number, RegExp][] = [
    [
      "too little disk",
      ["greedy", "-k", "much"],
      {},
      2,
      /MACHINE_TOO_SMALL: .*greedy > asks for much needs more disk.*\n {2}expected: 1000000000 MB of disk/,
    ],
    ["too little memory", ["greedy", "-k", "more"], {}, 2, /MACHINE_TOO_SMALL: .*needs more memory/],
    [
      "a remote that refuses",
      ["remote"],
      nowhere,
      1,
      /SQL_ERROR: .*BENCHMARK_CONNSTR, at 127\.0\.0\.1:1, .*\n.*\n.*ECONNREFUSED.*\n {2}to do: /,
    ],
    [
      "no connection string",
      ["remote"],
      { BENCHMARK_CONNSTR: "host=me" },
      2,
      /BAD_VALUE: .*this is not a connection string/,
    ],
    [
      "a baseline that isn't there",
      ["loop", "--baseline", "/nowhere"],
      {},
      2,
      /BAD_ARGUMENT: .*\/nowhere has no results/,
    ],
    ["half of a pair", ["loop", "--compare", "this"], {}, 2, /--compare takes two values/],
    [
      "a side that is nothing",
      ["loop", "--compare", "this", "that"],
      {},
      2,
      /--compare was given something that it can't be/,
    ],
    [
      "a side without binaries, before the other has run",
      ["loop", "--compare", "this", "NEON_BIN=/nowhere", "--rounds", "6"],
      {},
      2,
      /BINARY_MISSING: NEON_BIN names \/nowhere/,
    ],
    [
      "results that can't be kept",
      ["loop", "--out-dir", "/dev/null/results"],
      {},
      2,
      /BAD_ARGUMENT: the directory for results.*\n.*\n {2}found: ENOTDIR/,
    ],
    ["a limit without a baseline", ["loop", "--fail-over", "2"], {}, 2, /--fail-over says nothing by itself/],
    [
      "a scale of nothing",
      ["loop", "--scale", "0"],
      {},
      2,
      /--scale was given something that it can't be.*\n.*a number above 0/,
    ],
  ];
  test.each(rows)("%s", async (_name, args, env, code, message) => {
    const { exitCode, stdout, stderr } = await performance(["--out-dir", results("none"), ...args], env);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain("secret");
    expect(exitCode).toBe(code);
    expect(stdout).not.toMatch(/^(pass|FAIL) /m);
  });

  test("too little memory for two, where there is enough for one", async () => {
    const alone = await performance(["half", "--out-dir", results("none")]);
    expect(alone.exitCode, alone.stdout).toBe(0);
    const both = await performance([
      "half",
      "--compare",
      "this",
      "this",
      "--rounds",
      "1",
      "--out-dir",
      results("none"),
    ]);
    expect(both.stdout).toMatch(/MACHINE_TOO_SMALL: .*half > asks for most of it needs more memory/);
    expect(both.stdout.match(/^[AB] {2}half/gm)).toEqual(["A  half"]);
    expect(both.exitCode).toBe(2);
  });

  test("a file that has no results", async () => {
    writeFileSync(results("other.jsonl"), "no json\n");
    const { exitCode, stderr } = await performance(["loop", "--baseline", results("other.jsonl")]);
    expect(stderr).toMatch(/line 1 is no JSON/);
    expect(exitCode).toBe(2);
  });
});

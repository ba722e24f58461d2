import { expect, test } from "vitest";
import { testsFailed } from "./failure";
import { KNOWN_DIFFERENCES } from "./known-differences";
import type { KnownDifference } from "./known-differences";
import { REGRESS_SUITES } from "./regress-suite";
import { judge } from "./verdict";
import type { RunOutput, Verdict } from "./verdict";

const KNOWN: KnownDifference = {
  suite: "core",
  test: "int4",
  server: /neon/,
  why: "its numbers are odd",
  lines: [/^[-+] +\d$/],
};
const NOTHING: Verdict = { failed: [], known: [], asPlain: [], stale: [] };
const list = [KNOWN];
const DIFF = "@@ -1,2 +1,2 @@\n i\n- 1\n+ 2";

const run = (int4: boolean, diff = DIFF, server = "PostgreSQL 17.2 neon"): RunOutput => ({
  suite: "core",
  server,
  results: [
    { test: "boolean", passed: true },
    { test: "int4", passed: int4 },
  ],
  diffs: new Map([["int4", diff]]),
});

test("a difference that is known is none; it is named", () => {
  expect(judge(run(false), { list })).toEqual({ ...NOTHING, known: ["int4"] });
});

test.for([
  { name: "another line differs, too", output: run(false, `${DIFF}\n+ERROR:  oh`) },
  { name: "it is known for another server", output: run(false, DIFF, "PostgreSQL 17.2 on x86_64") },
  { name: "its program ended badly", output: { ...run(false), diffs: new Map<string, string>() } },
  { name: "it is known of another suite", output: { ...run(false), suite: "isolation" as const } },
])("a known difference excuses nothing where $name", ({ output }) => {
  expect(judge(output, { list })).toEqual({ ...NOTHING, failed: ["int4"] });
});

test("a known difference that is gone is told, so that the list stays true", () => {
  const verdict = judge(run(true), { list });
  expect(verdict).toEqual({ ...NOTHING, stale: [KNOWN] });
  const { message } = failureOf(verdict);
  expect(message).toMatch(/^CHECK_FAILED: PostgreSQL's core regression tests: the list of known differences/);
  expect(message).toContain("int4 has the expected output, though it is listed as: its numbers are odd");
  expect(message).toContain("known-differences.ts");
});

test("each entry says why, and each of its lines is one that differs", () => {
  for (const { why, lines } of KNOWN_DIFFERENCES) {
    expect(why.length).toBeGreaterThan(20);
    for (const line of lines) expect(line.source).toMatch(/^\^(\[-\+\]|-|\\\+)/);
  }
});

test("the message names every failed test and shows how the first five differ", () => {
  const failed = ["a", "b", "c", "d", "e", "f"];
  const long = Array.from({ length: 20 }, (_, line) => `+ line ${line}`).join("\n");
  const diffs = new Map(failed.slice(1).map((name) => [name, long]));
  const { message } = failureOf({ ...NOTHING, failed }, diffs);
  expect(message).toContain("6 of 9 of PostgreSQL's core regression tests failed: a, b, c, d, e, f");
  expect(message).toContain("a:\n      no output to compare: its program ended badly");
  expect(message).toMatch(/e:\n.*line 0\n/);
  expect(message).not.toMatch(/f:\n/);
  expect(message).toContain("… and 8 lines more");
  expect(message).toContain("the server is 17.10: some expected output changes between minor versions");
  expect(message).toContain("log: /out/regression.diffs");
});

test("where the versions are the same, nobody is sent to look for others", () => {
  const { message } = failureOf({ ...NOTHING, failed: ["a"] }, new Map(), "17.10");
  expect(message).not.toContain("minor versions");
});

function failureOf(verdict: Verdict, diffs: ReadonlyMap<string, string> = new Map(), version = "17.2") {
  const results = Array.from({ length: 9 }, (_, n) => ({ test: `t${n}`, passed: true }));
  const output: RunOutput = { suite: "core", server: "PostgreSQL 17.10 on x86_64-pc-linux-gnu", results, diffs };
  return testsFailed({ suite: REGRESS_SUITES.core, verdict, output, path: "/out/regression.diffs", version });
}

/** A run of twenty tests in which those with a difference fail. */
function twenty(diffs: Record<string, string | undefined>): RunOutput {
  const results = Array.from({ length: 20 }, (_, n) => ({ test: `t${n}`, passed: !(`t${n}` in diffs) }));
  const known = Object.entries(diffs).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { suite: "core", server: "PostgreSQL 17.10", results, diffs: new Map(known) };
}

test("what a plain Postgres of the same binaries says, too, is none of Neon's doing", () => {
  const plain = twenty({ t1: "-a\n+b", t3: "-x\n+z" });
  const verdict = judge(twenty({ t1: "-a\n+b", t2: "-a\n+b", t3: "-x\n+y" }), { plain });
  expect(verdict).toEqual({ ...NOTHING, failed: ["t2", "t3"], asPlain: ["t1"] });
});

test("tests that end badly on both are not alike", () => {
  const output = twenty({ t1: undefined });
  expect(judge(output, { plain: output })).toEqual({ ...NOTHING, failed: ["t1"] });
});

test("files that fit neither explain nothing, however alike the two are", () => {
  const output = twenty({ t1: "+b", t2: "+b", t3: "+b" });
  expect(judge(output, { plain: output })).toEqual({ ...NOTHING, failed: ["t1", "t2", "t3"] });
});

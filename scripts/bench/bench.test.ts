import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { collectTests } from "../runner/collect";
import { PACKAGE_ROOT } from "../project";
import { BEHAVIOURS } from "./behaviours";
import { parseBenchOptions } from "./options";
import { readPhases } from "./phases";
import { plainTable } from "./report";
import { Results } from "./results";
import { judge, median } from "./rows";

const dir = mkdtempSync(join(tmpdir(), "neon-bench-test-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const checkout = join(dir, "neon");
mkdirSync(join(checkout, "test_runner"), { recursive: true });
writeFileSync(join(checkout, "test_runner", "conftest.py"), "");
const python = join(dir, "python");
writeFileSync(python, "");

const real = { NEON_BIN: "/bin", POSTGRES_DISTRIB_DIR: "/pg" };
const valid = ["--original", checkout, "--python", python];

describe("what a person asks for", () => {
  const rows: [string, string[], NodeJS.ProcessEnv, RegExp][] = [
    ["no original", [], real, /BAD_ARGUMENT: bench:real needs the original/],
    ["a directory that is not there", ["--original", "/nowhere"], real, /found: no directory \/nowhere/],
    ["a directory of something else", ["--original", dir], real, /without test_runner\/conftest\.py/],
    ["no binaries", valid, { POSTGRES_DISTRIB_DIR: "/pg" }, /BAD_ENV: .*\n.*\n {2}found: NEON_BIN is not set/],
    ["no Postgres", valid, { NEON_BIN: "/bin" }, /found: POSTGRES_DISTRIB_DIR is not set/],
    ["no Python", ["--original", checkout], real, /BINARY_MISSING: .*\n {2}expected: .*\.venv\/bin\/python/],
    ["a Python that is not there", [...valid, "--python", "/nowhere/python"], real, /expected: \/nowhere\/python/],
    ["no rounds", [...valid, "--rounds", "0"], real, /--rounds takes a number/],
    ["an unknown part", [...valid, "--only", "everything"], real, /--only takes a part/],
    ["an unknown flag", [...valid, "--fast"], real, /does not understand.*\n.*expected: npm run bench:real/],
  ];
  test.each(rows)("%s", (_name, argv, env, message) => {
    expect(() => parseBenchOptions(argv, env)).toThrow(message);
  });

  test("all of it is valid", () => {
    const options = parseBenchOptions([...valid, "--rounds", "3", "--only", "regress"], real);
    expect(options).toEqual({
      original: checkout,
      python,
      rounds: 3,
      parts: ["regress"],
      markdown: false,
      results: undefined,
    });
  });

  test("the interpreter of the active virtual environment", () => {
    mkdirSync(join(dir, "venv", "bin"), { recursive: true });
    writeFileSync(join(dir, "venv", "bin", "python"), "");
    const options = parseBenchOptions(["--original", checkout], { ...real, VIRTUAL_ENV: join(dir, "venv") });
    expect(options.python).toBe(join(dir, "venv", "bin", "python"));
  });
});

test("rounds of several runs are one result, unless the binaries differ", () => {
  const path = join(dir, "results.jsonl");
  const round = (ours: number) => ({ ours: { whole: ours }, original: { whole: 4 } });
  new Results(path, "Neon a").add(round(1));
  const second = new Results(path, "Neon a");
  second.add(round(2));
  expect(second.rounds).toEqual([round(1), round(2)]);
  expect(new Results(path, "Neon a").rounds).toEqual(second.rounds);
  expect(() => new Results(path, "Neon b")).toThrow(/BAD_VALUE: .*\n.*of Neon b\n.*of Neon a\n.*--results FILE/);
  expect(() => new Results(join(checkout, "test_runner", "conftest.py"), "Neon a")).toThrow(/one JSON object a line/);
});

test("a budget that is not kept is said", () => {
  const round = (ours: number) => ({ ours: { whole: ours }, original: { whole: 4 } });
  expect(judge([round(1), round(1.2), round(9)])).toMatchObject([{ ratio: 0.3, budget: 0.45, kept: true }]);
  const slow = judge([round(1), round(2), round(2)]);
  expect(slow).toMatchObject([{ ratio: 0.5, kept: false }]);
  expect(plainTable(slow)).toMatch(
    /a one-second test as a whole +2\.00 s \(1\.00–2\.00\) +4\.00 s \(4\.00–4\.00\) +3 +0\.50 .* no/,
  );
});

test("the median of an even number of values is the mean of the middle two", () => {
  expect(median([4, 1, 3, 100])).toBe(3.5);
});

test("a test of the original has passed when all three of its phases have", () => {
  const line = (test: string, phase: string, outcome: string, seconds: number): string =>
    JSON.stringify({ test, phase, outcome, seconds });
  const text = [
    line("a", "setup", "passed", 3),
    line("b", "setup", "skipped", 0),
    line("a", "call", "passed", 1),
    line("b", "teardown", "passed", 0),
    line("a", "teardown", "passed", 2),
  ].join("\n");
  expect(readPhases(`${text}\n`)).toEqual([
    { test: "a", passed: true, setUp: 3, body: 1, tearDown: 2 },
    { test: "b", passed: false, setUp: 0, body: 0, tearDown: 0 },
  ]);
});

test("every test of ours that is compared exists, and no test of the original counts twice", async () => {
  const tests = await collectTests(PACKAGE_ROOT, ["--project=regress"]);
  const names = tests.map((each) => each.fullName);
  expect(names).toEqual(expect.arrayContaining(BEHAVIOURS.map(({ ours }) => `regress/${ours}`)));
  expect(new Set(BEHAVIOURS.map(({ original }) => original)).size).toBe(BEHAVIOURS.length);
});

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { coverage, COVERAGE_PATH } from "./coverage/coverage";
import { isRecordOf, testsIn } from "./coverage/our-tests";
import { withRun } from "./coverage/results";
import { coverageTable, unknownNames } from "./coverage/table";
import type { RunRecord } from "../harness/report";

test("docs/coverage.md is what the tests' comments and the recorded results say", async () => {
  const { table, unknown } = await coverage();
  expect(unknown).toEqual([]);
  expect(readFileSync(COVERAGE_PATH, "utf8"), "stale: run `npm run coverage -- --write`").toBe(table);
});

test("a comment belongs to the test that follows it, however that is written", () => {
  const text = [
    ["// covers: test_a.py::test_one, test_b.py", 'test("plain", async () => {});'],
    [
      "// covers: test_a.py::test_two",
      "// Another comment.",
      "test(",
      '  "on its own line",',
      "  async () => {},",
      ");",
    ],
    ["// covers: test_a.py::test_three", 'test.for(["a", "b"])("with %s", () => {});'],
    ["// covers: test_a.py::test_four", 'describe.each(kinds())("%s", (kind) => {', "});"],
    ['test("for nobody", () => {});'],
  ].flat();
  const found = testsIn("regress/x.test.ts", text.join("\n"));
  expect(found.map(({ title, covers }) => [title, ...covers])).toEqual([
    ["plain", "test_a.py::test_one", "test_b.py"],
    ["on its own line", "test_a.py::test_two"],
    ["with %s", "test_a.py::test_three"],
    ["%s", "test_a.py::test_four"],
  ]);
  expect(() => testsIn("x", "// covers: test_a.py\nconst x = 1;")).toThrow(/x:2: no test follows/);
});

test("a record is found by its file and title, whatever values the title has", () => {
  const ours = { file: "regress/x.test.ts", title: "with %s (a+b)", covers: [] };
  expect(isRecordOf(ours, "regress/x > with 1 (a+b)")).toBe(true);
  expect(isRecordOf(ours, "regress/x > some > with 1 (a+b) [v16]")).toBe(true);
  expect(isRecordOf(ours, "regress/y > with 1 (a+b)")).toBe(false);
  expect(isRecordOf(ours, "regress/x > and with 1 (a+b)")).toBe(false);
});

test("a row passes only where a test of ours did and none failed", () => {
  const original = {
    "test_a.py": {
      about: "things",
      tests: { test_one: { bucket: "S" }, test_two: { bucket: "P", without: "no proxy" } },
    },
  } as const;
  const our = (title: string) => ({ file: "regress/x.test.ts", title, covers: ["test_a.py::test_one"] });
  const ours = [our("first"), our("second")];
  const table = (real: Record<string, string>, embedded: Record<string, string>) =>
    coverageTable({ original, ours, results: { real, embedded } });
  const rowOf = (text: string) => text.split("\n").find((line) => line.includes("test_one"));
  expect(rowOf(table({ "regress/x > first": "passed" }, {}))).toMatch(/\| passes \| not run \|$/);
  const both = { "regress/x > first": "passed", "regress/x > second": "failed" };
  expect(rowOf(table(both, { "regress/x > first": "lacks smgr" }))).toMatch(/\| FAILS \| lacks smgr \|$/);
  expect(table(both, {})).toContain("| `test_two` | P | no proxy | | |");
  expect(table(both, {})).toContain("| all | 2 | 1 | 0 | 0 |");
  const facts = { original, ours: [{ ...our("third"), covers: ["test_a.py::test_no", "test_b.py"] }] };
  expect(unknownNames({ ...facts, results: { real: {}, embedded: {} } })).toHaveLength(2);
});

test("a run's results replace those of the same tests on the same engine, and of files that are gone", () => {
  const attempt = (status: string, note?: string) => ({ status, note, errors: [], console: "" });
  const ended = (name: string, ...attempts: object[]) => ({ suite: "regress", fullName: name, attempts });
  const run = {
    engine: "embedded engine 0.1.0 from /x, Postgres v17",
    tests: [
      ended("regress/x > a", attempt("passed"), attempt("failed")),
      ended("regress/x > c", attempt("skipped", "the engine lacks smgr, testing: embedded engine")),
    ],
  } as unknown as RunRecord;
  const before = {
    real: { "regress/x > a": "passed" },
    embedded: { "regress/x > b": "passed", "regress/old > d": "passed" },
  };
  expect(withRun(before, run, (file) => file === "regress/x.test.ts")).toEqual({
    real: { "regress/x > a": "passed" },
    embedded: { "regress/x > a": "failed", "regress/x > b": "passed", "regress/x > c": "lacks smgr, testing" },
  });
});

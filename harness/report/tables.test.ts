import { expect, test } from "vitest";
import type { AttemptRecord, RunRecord, TableRow } from "./run-record";
import { tableLines, tablesOf } from "./tables";

const attempt = (row: TableRow | undefined, note?: string): AttemptRecord => ({
  status: note === undefined ? "passed" : "skipped",
  startedAt: 0,
  durationMs: 1,
  errors: [],
  note,
  row,
  seed: 1,
  console: "",
});

const testsOf = (...attempts: AttemptRecord[][]): RunRecord["tests"] =>
  attempts.map((each, index) => ({ file: "a.test.ts", name: `t${index}`, attempts: each }) as never);

const row = (name: string, cells: TableRow["cells"], shows?: "details"): TableRow => ({
  title: "drivers",
  name,
  cells,
  ...(shows && { shows }),
});
const cell = (column: string, state: string, detail = ""): TableRow["cells"][number] => ({ column, state, detail });

test("rows of several tests stand in one table; of a test that ran again, the last word counts", () => {
  const tests = testsOf(
    [attempt(row("a", [cell("select", "failed")])), attempt(row("a", [cell("select", "ok"), cell("copy", "lacking")]))],
    [attempt(row("long-name", [cell("copy", "ok")]))],
    [attempt(row("b", []), "no cargo: install it")],
    [attempt(undefined)],
  );
  expect(tablesOf(tests).map(tableLines)).toEqual([
    [
      "drivers    select  copy",
      "a          ok      lacking",
      "long-name          ok",
      "b          skipped: no cargo: install it",
    ],
  ]);
});

test("a table of details has a line for each cell", () => {
  const tests = testsOf([attempt(row("a", [cell("gone", "ok", "E1"), cell("foreign", "failed", "E2")], "details"))]);
  expect(tablesOf(tests).map(tableLines)).toEqual([["drivers", "  a", "    gone: E1", "    foreign: failed: E2"]]);
});

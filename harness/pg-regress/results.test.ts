import { expect, test } from "vitest";
import { changedLines, countOf, parseDiffs, parseResults } from "./results";

const TAP = `# using postmaster on 127.0.0.1, port 5432
ok 1         - test_setup                                 131 ms
# parallel group (2 tests):  char boolean
not ok 2     + boolean                                    176 ms
# (test process exited with exit code 2)
ok 3         + char                                        88 ms
not ok 4     - collate.icu.utf8                             9 ms
1..4
# 2 of 4 tests failed.
`;

const WORDS = `(using postmaster on 127.0.0.1, port 5432)
============== running regression test queries        ==============
test test_setup                   ... ok          131 ms
parallel group (3 tests):  char random boolean
     boolean                      ... FAILED (test process exited with exit code 2)       30 ms
     char                         ... ok           30 ms
     random                       ... failed (ignored)       30 ms
============== shutting down postmaster               ==============
 2 of 4 tests failed, 1 of these failures ignored.
`;

test("the results of PostgreSQL 16 and later", () => {
  expect(parseResults(TAP)).toEqual([
    { test: "test_setup", passed: true },
    { test: "boolean", passed: false },
    { test: "char", passed: true },
    { test: "collate.icu.utf8", passed: false },
  ]);
});

test("the results of PostgreSQL 14 and 15", () => {
  expect(parseResults(WORDS)).toEqual([
    { test: "test_setup", passed: true },
    { test: "boolean", passed: false },
    { test: "char", passed: true },
    { test: "random", passed: true },
  ]);
});

test("how many tests there were, as the program says itself", () => {
  expect([countOf(TAP), countOf(WORDS), countOf(" All 213 tests passed. \n")]).toEqual([4, 4, 213]);
  expect(countOf(TAP.replace("1..4\n", ""))).toBeUndefined();
});

test("a program that ended before its first test has no results", () => {
  expect(parseResults("# could not find proper C compiler\nBail out!\n")).toEqual([]);
});

const DIFFS = `diff -U3 /src/expected/boolean.out /out/results/boolean.out
--- /src/expected/boolean.out	2026-01-01 00:00:00
+++ /out/results/boolean.out	2026-01-01 00:00:01
@@ -1,3 +1,3 @@
 SELECT 1;
-diff -u of a file
+--- /a/line of output
 (1 row)
diff -U3 /src/expected/prepared_xacts_1.out /out/results/prepared_xacts.out
--- /src/expected/prepared_xacts_1.out	2026-01-01 00:00:00
+++ /out/results/prepared_xacts.out	2026-01-01 00:00:01
@@ -1 +1 @@
-a
+b
`;

test("the differences of each test, by its own name whatever expected file came nearest", () => {
  const diffs = parseDiffs(DIFFS);
  expect([...diffs.keys()]).toEqual(["boolean", "prepared_xacts"]);
  expect(changedLines(diffs.get("prepared_xacts") ?? "")).toEqual(["-a", "+b"]);
  expect(changedLines(diffs.get("boolean") ?? "")).toEqual(["-diff -u of a file", "+--- /a/line of output"]);
});

test("no differences, no tests", () => {
  expect(parseDiffs("").size).toBe(0);
});

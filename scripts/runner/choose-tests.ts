import type { TestCase } from "vitest/node";
import { HarnessError } from "../../harness/types";
import type { TestFilter } from "./test-filters";
import { nameOf } from "./test-name";
import type { Target } from "./vitest/session";

/** The tests that every filter keeps. Throws UNKNOWN_TEST when none is left. */
export function chooseTests(tests: readonly TestCase[], filters: readonly TestFilter[]): readonly TestCase[] {
  let left = tests;
  for (const { option, keeps } of filters) {
    const kept = left.filter(keeps);
    if (kept.length === 0) throw unknownTest(option, left);
    left = kept;
  }
  return left;
}

/** The files of the tests, in the order of their first ones. */
export function targetsOf(tests: readonly TestCase[]): Target[] {
  const modules = [...new Set(tests.map((test) => test.module))];
  return modules.map((module) => ({
    project: module.project,
    moduleId: module.moduleId,
    testIds: tests.filter((test) => test.module === module).map((test) => test.id),
  }));
}

function unknownTest(option: string, tests: readonly TestCase[]): HarnessError {
  const examples = tests.slice(0, 3).map((test) => nameOf(test));
  return new HarnessError("UNKNOWN_TEST", {
    summary: `no test matches ${option}`,
    expected: "something that matches the file, the name or the tags of a test",
    found: `${tests.length} tests, e.g. ${examples.join("; ")}`,
    todo: "see `neon-test --list`",
  });
}

import type { TestCase, TestProject } from "vitest/node";
import { isFlaky, tableLines, tablesOf } from "../../../harness/report";
import type { TestRecord } from "../../../harness/report";
import { nameOf } from "../test-name";
import { paint } from "./display";
import { forPeople } from "./error-for-people";
import type { RunReporter } from "./run-reporter";

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** After the last test: every failure with its error, where its files are, how to see it again; then the counts. */
export function printEnd(
  reporter: RunReporter,
  begun: { rounds: number; replay: (test: TestCase, seed: number) => string },
): void {
  for (const { test, attempt } of reporter.failures) {
    print(`\n${paint("failed", "FAIL")}  ${nameOf(test)}`);
    printErrors(reporter, test);
    if (attempt.console !== "") print(`it wrote:\n${indented(attempt.console)}`);
    if (attempt.running !== undefined)
      print(`it is kept running for an hour:\n${indented(attempt.running.join("\n"))}`);
    if (attempt.kept !== undefined) print(`files: ${attempt.kept}`);
    print(`again: ${begun.replay(test, attempt.seed)}`);
  }
  for (const entity of reporter.broken) {
    const name =
      entity.type === "module" ? entity.relativeModuleId : `${entity.module.relativeModuleId} > ${entity.fullName}`;
    print(`\n${paint("failed", "FAIL")}  ${name}`);
    for (const error of entity.errors()) printError(reporter, error, entity.project);
  }
  for (const error of reporter.errors) printError(reporter, error);
  for (const table of tablesOf(reporter.tests)) print(`\n${tableLines(table).join("\n")}`);
  if (begun.rounds > 1) for (const line of flakyLines(reporter.tests)) print(line);
  if (reporter.interrupted) print("interrupted");
  const { passed, skipped } = reporter.counts;
  print(`${passed} passed, ${reporter.failed} failed, ${skipped} skipped`);
}

function printErrors(reporter: RunReporter, test: TestCase): void {
  const seen = new Set<string>();
  for (const error of test.result().errors ?? []) {
    if (seen.has(error.message)) continue;
    seen.add(error.message);
    printError(reporter, error, test.project);
  }
}

function printError({ vitest }: RunReporter, error: unknown, project?: TestProject): void {
  // Whose tests fail in the harness itself wants to see where.
  const shown = project?.name === "harness" ? error : forPeople(error);
  vitest?.logger.printError(shown, project === undefined ? {} : { project });
}

function flakyLines(tests: readonly TestRecord[]): string[] {
  return tests.filter(isFlaky).map(({ fullName, attempts }) => {
    const failed = attempts.filter(({ status }) => status === "failed").length;
    return `flaky  ${fullName}  failed ${failed} of ${attempts.length}`;
  });
}

const indented = (text: string): string => text.trimEnd().replaceAll(/^/gm, "  ");

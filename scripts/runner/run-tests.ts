import { beginRun } from "../../harness/process";
import { HarnessError } from "../../harness/types";
import { findProject } from "../project";
import { Interruption } from "./interruption";
import { prepare } from "./prepare";
import { runSelected } from "./run-selected";
import type { BeforeRun } from "./run-selected";
import { requireTests, selectSuites } from "./suites";
import { filtersOf } from "./test-filters";
import type { TestInvocation } from "./test-options";
import { readLastFailed } from "./last-failed";

/** Runs the chosen tests and returns the exit code. */
export async function runTests(invocation: TestInvocation, hooks: { beforeRun?: BeforeRun } = {}): Promise<number> {
  const { options, positionals } = invocation;
  requireMeaning(options);
  // Vitest colours what goes into a file, too, unless it is told before it is loaded.
  if (!process.stdout.isTTY && process.env["FORCE_COLOR"] === undefined) process.env["NO_COLOR"] ??= "1";
  const project = findProject(process.cwd());
  const selection = selectSuites(project, positionals, process.cwd());
  requireTests(project, selection.suites);
  const filters = filtersOf(options, options.lastFailed ? readLastFailed(project.root) : undefined);
  // From here on everything that is started dies with this process, whatever ends it.
  const run = await beginRun();
  // Most of the way to the first test is loading vitest.
  void import("vitest/node");
  const interruption = new Interruption();
  let code: number | undefined;
  try {
    const prepared = await prepare(invocation, project, selection.suites);
    code = await runSelected({
      ...prepared,
      invocation,
      project,
      selection,
      filters,
      interruption,
      beforeRun: hooks.beforeRun,
    });
  } catch (error) {
    // Half-done work complains when it is interrupted.
    if (!interruption.asked) throw error;
  } finally {
    await run.finish({ interrupted: interruption.asked || code !== 0 });
  }
  return interruption.exitCode ?? code ?? 1;
}

function requireMeaning({ json, list }: TestInvocation["options"]): void {
  if (!json || list) return;
  throw new HarnessError("BAD_ARGUMENT", {
    summary: "--json says how --list prints",
    expected: "--list --json",
    found: "--json alone",
  });
}

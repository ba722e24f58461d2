import { HarnessError } from "../types";
import type { RegressSuite } from "./regress-suite";
import type { RunOutput, Verdict } from "./verdict";

interface FailedRun {
  readonly suite: RegressSuite;
  readonly verdict: Verdict;
  readonly output: RunOutput;
  /** Of regression.diffs. */
  readonly path: string;
  /** Of the test files. */
  readonly version: string;
}

/** How many failed tests are shown with their difference, and how many lines of each. */
const SHOWN = { tests: 5, lines: 12 } as const;

export function testsFailed(run: FailedRun): HarnessError {
  const { suite, verdict, output, path } = run;
  const { failed, stale } = verdict;
  const count = output.results.length;
  const shown = failed.slice(0, SHOWN.tests).map((test) => `${test}:\n${headOf(output.diffs.get(test))}`);
  const gone = stale.map(({ test, why }) => `${test} has the expected output, though it is listed as: ${why}`);
  return new HarnessError("CHECK_FAILED", {
    summary:
      failed.length > 0
        ? `${failed.length} of ${count} of ${suite.title} failed: ${failed.join(", ")}`
        : `${suite.title}: the list of known differences is not true any more`,
    expected: `the output of PostgreSQL ${run.version}`,
    found: [...gone, ...shown].join("\n"),
    todo: advice(run),
    facts: { failed, stale: stale.map(({ test }) => test) },
    ...(failed.length > 0 ? { logPath: path } : {}),
  });
}

function advice({ verdict, version, output: { server } }: FailedRun): string {
  const its = /^PostgreSQL (\S+)/.exec(server)?.[1] ?? server;
  const otherVersion = `the server is ${its}: some expected output changes between minor versions, so first take the test files of ${its}`;
  return [
    ...(verdict.failed.length > 0 && its !== version ? [otherVersion] : []),
    ...(verdict.failed.length > 0 ? ["read regression.diffs"] : []),
    ...(verdict.stale.length > 0
      ? ["take what is not true any more out of harness/pg-regress/known-differences.ts"]
      : []),
  ].join("; ");
}

function headOf(diff: string | undefined): string {
  if (diff === undefined) return "  no output to compare: its program ended badly";
  const lines = diff.split("\n");
  const more = lines.length > SHOWN.lines ? [`… and ${lines.length - SHOWN.lines} lines more`] : [];
  return [...lines.slice(0, SHOWN.lines), ...more].map((line) => `  ${line}`).join("\n");
}

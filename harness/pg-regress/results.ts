import { basename } from "node:path";

/** How one test of a schedule ended. */
export interface RegressResult {
  readonly test: string;
  readonly passed: boolean;
}

/** PostgreSQL 16 and later write TAP: `not ok 36    + timestamptz    490 ms`. */
const TAP = /^(not )?ok +\d+ +[-+] +(\S+) +\d+ ms$/gm;
/** Before: `test boolean     ... ok   30 ms`, and `     boolean    ... FAILED   30 ms` in a parallel group. */
const WORDS = /^(?:test| {4}) (\S+) +\.\.\. (ok|FAILED|failed \(ignored\))/gm;

/** TAP's plan; before, the last line: ` All 213 tests passed.`, ` 2 of 213 tests failed, 1 of these failures ignored.` */
const COUNT = /^1\.\.(\d+)$|^ (?:All |\d+ of )(\d+) tests /m;

/** How many tests pg_regress says it has run; undefined where it ended before the last. */
export function countOf(output: string): number | undefined {
  const [, plan, words] = COUNT.exec(output) ?? [];
  return plan === undefined && words === undefined ? undefined : Number(plan ?? words);
}

/** The tests that pg_regress has run, in its order. One whose failure the schedule ignores counts as passed. */
export function parseResults(output: string): RegressResult[] {
  const tap = [...output.matchAll(TAP)].map(([, not, test = ""]) => ({ test, passed: not === undefined }));
  const words = [...output.matchAll(WORDS)].map(([, test = "", word]) => ({ test, passed: word !== "FAILED" }));
  return [...tap, ...words];
}

/** By test, what stands in regression.diffs: the lines from the first hunk on. */
export function parseDiffs(text: string): ReadonlyMap<string, string> {
  const diffs = new Map<string, string>();
  for (const block of text.split(/^(?=diff \S.* \S+\.out$)/m)) {
    const [header = "", ...lines] = block.trimEnd().split("\n");
    const test = basename(header.split(" ").at(-1) ?? "", ".out");
    if (!header.startsWith("diff ")) continue;
    const body = lines.filter((line) => !/^(---|\+\+\+) \//.test(line)).join("\n");
    diffs.set(test, [diffs.get(test), body].filter(Boolean).join("\n"));
  }
  return diffs;
}

/** The lines of a difference that were expected (`-`) or found (`+`), with these marks; the context is left out. */
export const changedLines = (diff: string): string[] => diff.split("\n").filter((line) => /^[-+]/.test(line));

import { KNOWN_DIFFERENCES } from "./known-differences";
import type { KnownDifference } from "./known-differences";
import type { RegressSuite } from "./regress-suite";
import { changedLines } from "./results";
import type { RegressResult } from "./results";

/** What a run of a suite's schedule left. */
export interface RunOutput {
  readonly suite: RegressSuite["name"];
  /** What `select version()` says. */
  readonly server: string;
  readonly results: readonly RegressResult[];
  readonly diffs: ReadonlyMap<string, string>;
}

export interface Verdict {
  /** Tests that failed in any way that nothing explains. */
  readonly failed: readonly string[];
  /** Tests whose output is another in a way that is known. */
  readonly known: readonly string[];
  /** Tests whose output is another, but the same as on a plain Postgres of the same binaries: not Neon's doing. */
  readonly asPlain: readonly string[];
  /** Known differences that are gone. */
  readonly stale: readonly KnownDifference[];
}

/** Where more tests than this part differ on a plain Postgres, the files are not for it, and agreeing with it says little. */
const MOST_AS_PLAIN = 0.1;

/** Holds a run against the list, and against the same on a plain Postgres where there was one. */
export function judge(
  run: RunOutput,
  { plain, list = KNOWN_DIFFERENCES }: { plain?: RunOutput | undefined; list?: readonly KnownDifference[] } = {},
): Verdict {
  const here = list.filter((each) => each.suite === run.suite && each.server.test(run.server));
  const named = (passed: boolean): string[] =>
    run.results.flatMap((each) => (each.passed === passed ? [each.test] : []));
  const [failed, passed] = [named(false), new Set(named(true))];
  const known = failed.filter((test) =>
    here.some((each) => each.test === test && isAsKnown(each, run.diffs.get(test))),
  );
  const rest = failed.filter((test) => !known.includes(test));
  const alike = rest.filter((test) => plain !== undefined && isSame(run.diffs.get(test), plain.diffs.get(test)));
  const asPlain = alike.length <= run.results.length * MOST_AS_PLAIN ? alike : [];
  return {
    failed: rest.filter((test) => !asPlain.includes(test)),
    known,
    asPlain,
    stale: here.filter(({ test }) => passed.has(test)),
  };
}

function isAsKnown({ lines }: KnownDifference, diff: string | undefined): boolean {
  if (diff === undefined) return false;
  return changedLines(diff).every((line) => lines.some((pattern) => pattern.test(line)));
}

/** A test without a difference ended badly: that explains nothing. */
const isSame = (one: string | undefined, other: string | undefined): boolean => one !== undefined && one === other;

import type { RegressResult } from "./results";
import { changedLines } from "./results";
import type { RegressSuite } from "./regress-suite";

/** A test whose output is not the expected one, for a reason that is known. */
export interface KnownDifference {
  readonly suite: RegressSuite["name"];
  readonly test: string;
  /** Only where `select version()` matches. */
  readonly server: RegExp;
  readonly why: string;
  /** Each line that differs (`-` expected, `+` found) matches one of these; any other is a failure. */
  readonly lines: readonly RegExp[];
}

/**
 * All of them. The core schedule has none, on neither engine. One that is not needed any more fails the test that finds
 * the expected output: take it out.
 */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    suite: "isolation",
    test: "merge-update",
    server: /\(phoenix-/,
    why: "EXPLAIN ANALYZE counts one row less in a MERGE that waited, in this fork's server without Neon, too; stock 17.8 does not",
    lines: [/^[-+] +-> +Hash Full Join \(actual rows=[12] loops=1\) *$/],
  },
];

/** A run held against the list. */
export interface Verdict {
  /** Tests that failed in any way that is not known. */
  readonly failed: readonly string[];
  /** Known differences that are gone. */
  readonly stale: readonly KnownDifference[];
  readonly known: readonly KnownDifference[];
}

export interface RunOutput {
  readonly suite: RegressSuite["name"];
  /** What `select version()` says. */
  readonly server: string;
  readonly results: readonly RegressResult[];
  readonly diffs: ReadonlyMap<string, string>;
}

export function judge(run: RunOutput, list: readonly KnownDifference[] = KNOWN_DIFFERENCES): Verdict {
  const here = list.filter((each) => each.suite === run.suite && each.server.test(run.server));
  const failed = new Set(run.results.filter(({ passed }) => !passed).map(({ test }) => test));
  const known = here.filter((each) => failed.has(each.test) && isAsKnown(each, run.diffs.get(each.test)));
  const explained = new Set(known.map(({ test }) => test));
  const passed = new Set(run.results.filter((each) => each.passed).map(({ test }) => test));
  return {
    failed: [...failed].filter((test) => !explained.has(test)),
    stale: here.filter(({ test }) => passed.has(test)),
    known,
  };
}

function isAsKnown({ lines }: KnownDifference, diff: string | undefined): boolean {
  if (diff === undefined) return false;
  return changedLines(diff).every((line) => lines.some((pattern) => pattern.test(line)));
}

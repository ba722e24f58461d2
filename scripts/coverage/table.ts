import type { OriginalTest, OriginalTests } from "./original-tests";
import { isRecordOf } from "./our-tests";
import type { OurTest } from "./our-tests";
import { ENGINES } from "./results";
import type { EngineKind, Results } from "./results";

export interface CoverageFacts {
  readonly original: OriginalTests;
  readonly ours: readonly OurTest[];
  readonly results: Results;
}

/** How the tests of ours that stand for one of the original's end on an engine: `passes`, `FAILS`, `not run`, or what it lacks. */
type Verdict = string;

const INTRODUCTION = `# What of the original's suite is tested here

Made by \`npm run coverage -- --write\`; a self-test fails when it is stale. Each row is a test function of Neon's Python
suite \`test_runner/regress\` at c47c5f4ace, and beside it the tests of ours for the same behaviour, or why there is none. A test
of ours says so in a comment right above it, \`// covers: test_file.py::test_function\`. How each ended is known from the last run
of it that was recorded, with \`neon-test … --html DIR\` and then \`npm run coverage -- --record DIR --write\`.

The letter says what the original test is made of. S: SQL and nodes that start and stop; H: documented HTTP, too; C: the
storage controller's API, too; O: logs, metrics or files, too; P: the proxy; F: failpoints inside Neon; I: other
internals of Neon; X: never runs, not even there.
`;

/** The whole of docs/coverage.md. */
export function coverageTable(facts: CoverageFacts): string {
  const sections = Object.entries(facts.original).map(([file, { about, tests }]) => {
    const rows = Object.entries(tests).map(([name, test]) => row(facts, `${file}::${name}`, test));
    const heading = `## ${file}\n\n${capital(about)}.${generally(facts, file)}\n`;
    return [heading, "| original | | ours | real Neon | embedded |", "|-|-|-|-|-|", ...rows].join("\n");
  });
  return `${INTRODUCTION}\n${totals(facts)}\n\n${sections.join("\n\n")}\n`;
}

/** Comments that name what the original doesn't have. */
export function unknownNames({ original, ours }: CoverageFacts): string[] {
  return ours.flatMap(({ file, title, covers }) =>
    covers.filter((name) => !isKnown(original, name)).map((name) => `${file} > ${title}: ${name} is no original test`),
  );
}

function isKnown(original: OriginalTests, reference: string): boolean {
  const [file = "", name] = reference.split("::");
  return name === undefined ? file in original : original[file]?.tests[name] !== undefined;
}

const testsFor = ({ original, ours }: CoverageFacts, reference: string): readonly OurTest[] => {
  const file = reference.split("::")[0] ?? "";
  const isOnlyOne = Object.keys(original[file]?.tests ?? {}).length === 1;
  return ours.filter(({ covers }) => covers.includes(reference) || (isOnlyOne && covers.includes(file)));
};

function row(facts: CoverageFacts, reference: string, { bucket, without }: OriginalTest): string {
  const ours = testsFor(facts, reference);
  const name = `\`${reference.split("::")[1]}\``;
  if (ours.length === 0) return `| ${name} | ${bucket} | ${without ?? "not written yet"} | | |`;
  const verdicts = ENGINES.map((engine) => verdict(facts.results, engine, ours)).join(" | ");
  return `| ${name} | ${bucket} | ${ours.map(link).join("<br>")} | ${verdicts} |`;
}

const link = ({ file, title }: OurTest): string =>
  `[${file.replace(/^regress\//, "").replace(/\.test\.ts$/, "")}](../${file}): ${title.replaceAll("|", String.raw`\|`)}`;

/** Tests that name the file as a whole. */
function generally({ original, ours }: CoverageFacts, file: string): string {
  if (Object.keys(original[file]?.tests ?? {}).length === 1) return "";
  const named = ours.filter(({ covers }) => covers.includes(file));
  return named.length === 0 ? "" : ` Also: ${named.map(link).join("; ")}.`;
}

/** One that fails is said before others that pass, and one that passes before others that the engine can't run. */
function verdict(results: Results, engine: EngineKind, ours: readonly OurTest[]): Verdict {
  const outcomes = ours.flatMap((test) =>
    Object.entries(results[engine]).flatMap(([name, outcome]) => (isRecordOf(test, name) ? [outcome] : [])),
  );
  if (outcomes.includes("failed")) return "FAILS";
  if (outcomes.includes("passed")) return "passes";
  return outcomes.find((outcome) => outcome.startsWith("lacks")) ?? outcomes[0] ?? "not run";
}

/** A line for each kind of original test, and one for all. */
function totals(facts: CoverageFacts): string {
  const all = Object.entries(facts.original).flatMap(([file, { tests }]) =>
    Object.entries(tests).map(([name, { bucket }]) => ({ bucket, ours: testsFor(facts, `${file}::${name}`) })),
  );
  const line = (label: string, chosen: typeof all): string => {
    const written = chosen.filter(({ ours }) => ours.length > 0);
    const passing = ENGINES.map(
      (engine) => written.filter(({ ours }) => verdict(facts.results, engine, ours) === "passes").length,
    );
    return `| ${[label, chosen.length, written.length, ...passing].join(" | ")} |`;
  };
  const buckets = [...new Set(all.map(({ bucket }) => bucket))].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));
  return [
    "| | original tests | with a test of ours | passing on real Neon | passing on the embedded engine |",
    "|-|-|-|-|-|",
    ...buckets.map((bucket) =>
      line(
        bucket,
        all.filter((each) => each.bucket === bucket),
      ),
    ),
    line("all", all),
  ].join("\n");
}

const ORDER = "SHCOPFIX";
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

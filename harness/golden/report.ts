import type { CallGroup, CallResult, Difference } from "./difference";

/** What a replay found, by engine. */
export interface ReplayReport {
  engine: string;
  results: CallResult[];
}

export interface Counts {
  equal: number;
  different: number;
  notReplayed: number;
}

const TITLE = `# Where the engines differ from recorded answers

Generated: \`npm run golden -- --write\` for the embedded engine, the same with \`NEON_BIN\` and \`POSTGRES_DISTRIB_DIR\` set
for real Neon. It makes the HTTP calls and page service and WAL service commands that were recorded of real Neon
(\`../shared/reference/golden\`, or \`--golden DIR\`) again, in their order, and compares status, content type, the body's
shape, and error texts with placeholders for LSNs, times, addresses, paths and sizes. A difference that is not listed here
fails \`regress/recorded-answers.test.ts\`.
`;

/** All differences of a replay. */
export const differencesOf = (report: ReplayReport): Difference[] =>
  report.results.flatMap((result) => result.differences);

/** How many calls of each kind of node came out as recorded. */
export function countByGroup(report: ReplayReport): Map<CallGroup, Counts> {
  const counts = new Map<CallGroup, Counts>();
  for (const { group, differences, notReplayed } of report.results) {
    const of = counts.get(group) ?? { equal: 0, different: 0, notReplayed: 0 };
    if (notReplayed !== undefined) of.notReplayed += 1;
    else if (differences.length > 0) of.different += 1;
    else of.equal += 1;
    counts.set(group, of);
  }
  return counts;
}

/** One line per difference; stable, so that a listed difference can be told from a new one. */
export const lineOf = ({ call, recorded, came }: Difference): string =>
  `- \`${call}\` recorded ${code(recorded)}, came ${code(came)}`;

/** The document with this engine's section replaced; other engines' sections stay. */
export function writeSection(document: string | undefined, report: ReplayReport): string {
  const others = (document ?? "").split(/^(?=## )/m).filter((part) => part.startsWith("## "));
  const kept = others.filter((part) => !part.startsWith(`## ${report.engine}\n`));
  const sections = [...kept, sectionOf(report)].map((part) => part.trimEnd()).sort();
  return `${[TITLE.trimEnd(), ...sections].join("\n\n")}\n`;
}

/** Differences that the document's section of this engine doesn't list, as lines. */
export function unlisted(document: string | undefined, report: ReplayReport): string[] {
  const section = (document ?? "").split(/^(?=## )/m).find((part) => part.startsWith(`## ${report.engine}\n`)) ?? "";
  const listed = new Set(section.split("\n"));
  return differencesOf(report)
    .map((difference) => lineOf(difference))
    .filter((line) => !listed.has(line));
}

function sectionOf(report: ReplayReport): string {
  const lines = [`## ${report.engine}`, ""];
  for (const [group, { equal, different, notReplayed }] of countByGroup(report)) {
    lines.push(`- ${group}: ${equal} equal, ${different} different, ${notReplayed} not replayed`);
  }
  for (const group of countByGroup(report).keys()) {
    const results = report.results.filter((result) => result.group === group);
    const differences = results.flatMap((result) => result.differences);
    if (differences.length > 0) lines.push("", `### ${group}: different`, "", ...differences.map((d) => lineOf(d)));
    const skipped = results.filter(({ notReplayed }) => notReplayed !== undefined);
    if (skipped.length > 0)
      lines.push("", `### ${group}: not replayed`, "", ...skipped.map((result) => skippedLine(result)));
  }
  return lines.join("\n");
}

const skippedLine = ({ name, notReplayed }: CallResult): string => `- \`${name}\`: ${notReplayed}`;

const code = (text: string): string => `\`${text.replaceAll("`", "'").replace(/\s+/g, " ")}\``;

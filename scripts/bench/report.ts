import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { HarnessError } from "../../harness/types";
import { PACKAGE_ROOT } from "../project";
import { BEHAVIOURS } from "./behaviours";
import { median } from "./rows";
import type { Verdict } from "./rows";

const DOCUMENT = join(PACKAGE_ROOT, "docs", "performance.md");
const [BEGIN, END] = ["<!-- bench:real begin -->", "<!-- bench:real end -->"];
const HEADER = ["", "ours", "original", "rounds", "ratio", "budget", "kept"] as const;

/** Median, and the least and the most that was seen. */
function seconds(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const range = values.length === 1 ? "" : ` (${least.toFixed(2)}–${most.toFixed(2)})`;
  return `${median(values).toFixed(2)} s${range}`;
}

function cells(verdict: Verdict): string[] {
  const { name, ours, original, ratio, budget, kept } = verdict;
  const verdictCells = budget === undefined ? ["", ""] : [`≤ ${budget}`, kept ? "yes" : "**no**"];
  return [name, seconds(ours), seconds(original), `${ours.length}`, ratio.toFixed(2), ...verdictCells];
}

/** The table for a terminal. */
export function plainTable(verdicts: readonly Verdict[]): string {
  const rows = [[...HEADER], ...verdicts.map((verdict) => cells(verdict).map((cell) => cell.replaceAll(/[`*]/g, "")))];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")).join("\n");
}

export interface RunFacts {
  /** The command, with placeholders for paths. */
  command: string;
  /** One fact of the machine and the run per line. */
  machine: readonly string[];
  /** Our tests that have no counterpart, and were not run. */
  unmatched: readonly string[];
}

/** Writes the measured section of docs/performance.md anew; throws BAD_CONFIG where its markers are gone. */
export async function writeDocument(verdicts: readonly Verdict[], facts: RunFacts): Promise<string> {
  const text = readFileSync(DOCUMENT, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin === -1 || end < begin) {
    throw new HarnessError("BAD_CONFIG", {
      summary: "the table has no place in docs/performance.md",
      expected: `the lines ${BEGIN} and ${END}`,
      found: "not both of them, in this order",
    });
  }
  writeFileSync(DOCUMENT, `${text.slice(0, begin + BEGIN.length)}\n\n${section(verdicts, facts)}\n${text.slice(end)}`);
  await execa("prettier", ["--write", DOCUMENT], { cwd: PACKAGE_ROOT, preferLocal: true });
  return DOCUMENT;
}

function section(verdicts: readonly Verdict[], facts: RunFacts): string {
  const table = [[...HEADER], HEADER.map(() => "---"), ...verdicts.map(cells)];
  const pairs = BEHAVIOURS.map(({ ours, original, note }) => [ours, `\`${original}\``, note ?? ""]);
  return [
    "```sh",
    facts.command,
    "```",
    "",
    "Medians, with the least and the most in brackets.",
    "",
    markdownTable(table),
    "",
    ...facts.machine.map((fact) => `- ${fact}`),
    ...(facts.unmatched.length === 0 ? [] : [`- ${describeUnmatched(facts.unmatched)}`]),
    "",
    "### What is compared with what",
    "",
    markdownTable([["ours", "original", "the difference"], ["---", "---", "---"], ...pairs]),
    "",
  ].join("\n");
}

/** How many tests of each file were left out. */
export function describeUnmatched(tests: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const test of tests) {
    const file = test.split(" > ")[0] ?? "";
    counts.set(file, (counts.get(file) ?? 0) + 1);
  }
  const files = [...counts].map(([file, count]) => `${file} (${count})`);
  return `${tests.length} of our tests have no counterpart in scripts/bench/behaviours.ts, and were not run: ${files.join(", ")}`;
}

const markdownTable = (rows: readonly (readonly string[])[]): string =>
  rows.map((row) => `| ${row.join(" | ")} |`).join("\n");

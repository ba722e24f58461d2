import type { Driver } from "./driver";
import { CHECKS, EXPECTED, readAnswers } from "./checks";
import type { CheckName } from "./checks";
import type { ProgramEnd } from "./run-program";
import type { ClientTarget } from "./target";

export type CheckState = "ok" | "failed" | "lacking" | "not reached";

/** One cell of the table. */
export interface CheckResult {
  readonly check: CheckName;
  readonly state: CheckState;
  /** The value, the driver's own error, or why the driver can't do it. */
  readonly detail: string;
}

/** Holds what a program said against what it must find. A skip counts only where the driver's manifest says so, too. */
export function judge(driver: Driver, end: ProgramEnd, target: ClientTarget): CheckResult[] {
  const answers = new Map(readAnswers(end.stdout).map((answer) => [answer.check, answer]));
  const results = CHECKS.map((check): CheckResult => {
    const answer = answers.get(check);
    if (answer === undefined) return { check, state: "not reached", detail: "" };
    const { kind, text } = answer;
    const isLacking = kind === "skipped" && driver.lacks?.[check] !== undefined;
    if (isLacking) return { check, state: "lacking", detail: text };
    const expected = EXPECTED[check] ?? target.user;
    if (kind === "value" && text === expected) return { check, state: "ok", detail: text };
    return { check, state: "failed", detail: kind === "value" ? `${text}, not ${expected}` : text };
  });
  return end.isOverTime ? results.map((result) => orUnderWay(result, results)) : results;
}

/** Where time was up, the first check without an answer was what took it. */
function orUnderWay(result: CheckResult, all: readonly CheckResult[]): CheckResult {
  const isFirst = all.find(({ state }) => state === "not reached") === result;
  return isFirst ? { ...result, state: "failed", detail: "no end within its time" } : result;
}

/** What is wrong, in a line per check; empty when nothing is. */
export function problemsOf(driver: Driver, end: ProgramEnd, results: readonly CheckResult[]): string {
  const lines = results
    .filter(({ state }) => state === "failed" || state === "not reached")
    .map(({ check, state, detail }) => `${driver.name}: ${check}: ${state === "failed" ? detail : state}`);
  if (lines.length === 0 && end.exitCode === 0) return "";
  const code = end.isOverTime ? "killed when its time was up" : `exit code ${end.exitCode}`;
  return [...lines, `${driver.name}: ${code}`, ...tailOf(end.stderr)].join("\n");
}

const tailOf = (text: string): string[] =>
  text === ""
    ? []
    : [
        "it wrote:",
        ...text
          .trimEnd()
          .split("\n")
          .slice(-20)
          .map((line) => `  | ${line}`),
      ];

import type { BenchmarkLine, Direction } from "./line";
import { seriesKey } from "./line";
import { toSeries } from "./series";
import { summarize } from "./summary";
import { pairedShift } from "./shift";
import type { Shift } from "./shift";

export type Outcome = "slower" | "faster" | "no difference" | "no verdict";

/** What is said of one metric of A and B. */
export interface Verdict {
  readonly of: BenchmarkLine;
  readonly outcome: Outcome;
  /** How much worse B is: 1.2 means a fifth longer, or a fifth less per second. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
  readonly confidence: number;
}

/** What is smaller nobody needs to know. */
const MATTERS = 1.05;
/** "No difference" is said only where a larger one can be excluded. */
export const EXCLUDED = 1.1;

/** How much worse the second is than the first; above 0 and finite, or undefined where that can't be said. */
export function worsening(direction: Direction, first: number, second: number): number | undefined {
  if (direction === "parameter" || first <= 0 || second <= 0) return undefined;
  return direction === "lower" ? second / first : first / second;
}

/** A verdict on every metric that A and B have both measured, from the rounds in which both have. */
export function compareSides(lines: readonly BenchmarkLine[]): Verdict[] {
  return toSeries(lines, seriesKey).flatMap(({ of, lines: own }) => {
    const ratios = roundsOf(own).flatMap(([a, b]) => worsening(of.direction, a, b) ?? []);
    return ratios.length === 0 ? [] : [verdictOn(of, ratios)];
  });
}

/** By round, the median of what each side has measured in it. */
function roundsOf(lines: readonly BenchmarkLine[]): [a: number, b: number][] {
  const median = (own: readonly BenchmarkLine[], side: string): number | undefined => {
    const values = own.filter((line) => line.side === side).map(({ value }) => value);
    return values.length === 0 ? undefined : summarize(values).median;
  };
  return toSeries(lines, ({ round }) => String(round)).flatMap(({ lines: own }): [number, number][] => {
    const [a, b] = [median(own, "A"), median(own, "B")];
    return a === undefined || b === undefined ? [] : [[a, b]];
  });
}

export function verdictOn(of: BenchmarkLine, ratios: readonly number[]): Verdict {
  const shift = pairedShift(ratios.map(Math.log));
  const [ratio, low, high] = [shift.estimate, shift.low, shift.high].map(Math.exp) as [number, number, number];
  return { of, outcome: outcomeOf(shift), ratio, low, high, rounds: ratios.length, confidence: shift.confidence };
}

function outcomeOf({ estimate, low, high }: Shift): Outcome {
  if (low > 0 && estimate >= Math.log(MATTERS)) return "slower";
  if (high < 0 && estimate <= -Math.log(MATTERS)) return "faster";
  return low >= -Math.log(EXCLUDED) && high <= Math.log(EXCLUDED) ? "no difference" : "no verdict";
}

/** `slower, × 1.20 (1.17 to 1.24)`; where nothing can be said, why. */
export function describeVerdict({ outcome, ratio, low, high, rounds, confidence }: Verdict): string {
  const interval = `${low.toFixed(2)} to ${high.toFixed(2)}`;
  switch (outcome) {
    case "slower":
    case "faster":
      return `B is ${outcome === "slower" ? "worse" : "better"}: × ${ratio.toFixed(2)} (${interval})`;
    case "no difference":
      return `no difference: × ${ratio.toFixed(2)} (${interval})`;
    case "no verdict":
      return confidence === 0
        ? `no verdict: ${rounds} ${rounds === 1 ? "round is" : "rounds are"} too few, 6 are the least`
        : `no verdict: the values stray too much (${interval})`;
  }
}

/** All of it in one line. */
export function headline(verdicts: readonly Verdict[]): string {
  const count = (outcome: Outcome): number => verdicts.filter((verdict) => verdict.outcome === outcome).length;
  const [slower, faster, same, open] = [count("slower"), count("faster"), count("no difference"), count("no verdict")];
  const rest = open === 0 ? "" : `; no verdict in ${open}, whose values stray too much`;
  if (slower + faster > 0) {
    const parts = [slower === 0 ? [] : `worse in ${slower}`, faster === 0 ? [] : `better in ${faster}`].flat();
    return `B is ${parts.join(" and ")} of ${verdicts.length} metrics${rest}`;
  }
  return same === 0
    ? `no verdict in any of ${verdicts.length} metrics`
    : `no difference in ${same} of ${verdicts.length} metrics${rest}`;
}

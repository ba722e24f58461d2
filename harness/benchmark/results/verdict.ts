import type { BenchmarkLine, Direction } from "./line";
import { seriesKey } from "./line";
import { toSeries } from "./series";
import { summarize } from "./summary";
import { pairedShift, signChance } from "./shift";
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
  /** How often a comparison of a system with itself has a metric that looks as different. */
  readonly chance: number;
}

/** What is smaller nobody needs to know. */
const MATTERS = 1.05;
/** "No difference" is said only where a larger one can be excluded. */
export const EXCLUDED = 1.1;

/** Of comparisons of a system with itself, at most so many call any metric different. */
const FALSE_ALARMS = 0.05;

/** How much worse the second is than the first; above 0 and finite, or undefined where that can't be said. */
export function worsening(direction: Direction, first: number, second: number): number | undefined {
  if (direction === "parameter" || first <= 0 || second <= 0) return undefined;
  return direction === "lower" ? second / first : first / second;
}

/** A verdict on every metric that A and B have both measured, from the rounds in which both have. */
export function compareSides(lines: readonly BenchmarkLine[]): Verdict[] {
  const metrics = toSeries(lines, seriesKey).flatMap(({ of, lines: own }) => {
    const ratios = ratiosOf(of, own);
    return ratios.size === 0 ? [] : [{ of, ratios }];
  });
  const family = familySize(metrics.filter(({ of }) => of.node === undefined).map(({ ratios }) => ratios));
  return metrics.map(({ of, ratios }) => verdictOn(of, [...ratios.values()], family));
}

/** By round, how much worse B was. */
function ratiosOf(of: BenchmarkLine, lines: readonly BenchmarkLine[]): Map<string, number> {
  return new Map(
    toSeries(lines, ({ round }) => String(round)).flatMap(({ key, lines: own }) => {
      const ratio = ratioOfRound(of, own);
      return ratio === undefined ? [] : [[key, ratio] as const];
    }),
  );
}

/**
 * The median of what each value of B says beside the one that A has measured just before or after it: what slowed the machine
 * down meanwhile hit both. Where one has more values than the other, that of the medians.
 */
function ratioOfRound({ direction }: BenchmarkLine, lines: readonly BenchmarkLine[]): number | undefined {
  const valuesOf = (side: string): number[] => lines.filter((line) => line.side === side).map(({ value }) => value);
  const [a, b] = [valuesOf("A"), valuesOf("B")];
  if (a.length === 0 || b.length === 0) return undefined;
  const pairs = a.length === b.length ? a.map((value, index) => [value, b[index] ?? 0] as const) : [];
  const ratios = pairs.flatMap(([first, second]) => worsening(direction, first, second) ?? []);
  // Of logarithms: the other way round it has to be the reciprocal.
  if (ratios.length > 0) return Math.exp(summarize(ratios.map(Math.log)).median);
  return worsening(direction, summarize(a).median, summarize(b).median);
}

/**
 * How many different things the metrics tell: those that were better and worse in the same rounds, as a throughput and its
 * latency are, count once. If A and B are the same, then each round might as well have been the other way round; that
 * changes all metrics of it together and leaves this number as it is, so that it may be taken as given.
 */
function familySize(metrics: readonly ReadonlyMap<string, number>[]): number {
  const patterns = metrics.flatMap((ratios) => {
    const signs = [...ratios].flatMap(([round, ratio]) => (ratio === 1 ? [] : [[round, ratio > 1] as const]));
    const [first] = signs;
    return first === undefined ? [] : [signs.map(([round, isWorse]) => `${round} ${isWorse === first[1]}`).join()];
  });
  return Math.max(1, new Set(patterns).size);
}

/** `family`: how many metrics there are of which one might look different by chance. */
export function verdictOn(of: BenchmarkLine, ratios: readonly number[], family = 1): Verdict {
  const logs = ratios.map(Math.log);
  const shift = pairedShift(logs);
  const chance = Math.min(1, signChance(logs) * family);
  const [ratio, low, high] = [shift.estimate, shift.low, shift.high].map(Math.exp) as [number, number, number];
  const { confidence } = shift;
  return { of, outcome: outcomeOf(shift, chance), ratio, low, high, rounds: ratios.length, confidence, chance };
}

function outcomeOf({ estimate, low, high }: Shift, chance: number): Outcome {
  const isSure = chance <= FALSE_ALARMS;
  if (isSure && low > 0 && estimate >= Math.log(MATTERS)) return "slower";
  if (isSure && high < 0 && estimate <= -Math.log(MATTERS)) return "faster";
  return low >= -Math.log(EXCLUDED) && high <= Math.log(EXCLUDED) ? "no difference" : "no verdict";
}

/** `slower, × 1.20 (1.17 to 1.24)`; where nothing can be said, why. */
export function describeVerdict({ outcome, ratio, low, high, rounds, confidence, chance }: Verdict): string {
  const interval = `${low.toFixed(2)} to ${high.toFixed(2)}`;
  switch (outcome) {
    case "slower":
    case "faster":
      return `B is ${outcome === "slower" ? "worse" : "better"}: × ${ratio.toFixed(2)} (${interval})`;
    case "no difference":
      return `no difference: × ${ratio.toFixed(2)} (${interval})`;
    case "no verdict":
      if (confidence === 0) {
        return `no verdict: ${rounds} ${rounds === 1 ? "round is" : "rounds are"} too few, 6 are the least`;
      }
      return low > 1 || high < 1
        ? `no verdict: × ${ratio.toFixed(2)} (${interval}), but one of so many metrics is by chance in ${percent(chance)} of cases`
        : `no verdict: the values stray too much (${interval})`;
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(0)}%`;

/** All of it in one line. */
export function headline(verdicts: readonly Verdict[]): string {
  if (verdicts.length === 0) return "no verdict: there is no metric that both A and B have measured";
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

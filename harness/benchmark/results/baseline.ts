import { seriesKey } from "./line";
import type { BenchmarkLine } from "./line";
import { toSeries } from "./series";
import { worsening } from "./verdict";
import { unpairedShift } from "./shift";

/** How one metric stands against an earlier run. */
export interface Standing {
  readonly of: BenchmarkLine;
  /** How much worse it is: 1.2 means a fifth longer, or a fifth less per second. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly isWorse: boolean;
}

/** More values tell nothing more, and make the exact intervals inexact. */
const ENOUGH_VALUES = 25;

/**
 * Every metric that both have, with whether it is worse by more than `failOver`: by its estimate, and beyond what the
 * values of both stray. Where there are too few values for an interval, every new one must be worse than every old one.
 */
export function againstBaseline(
  baseline: readonly BenchmarkLine[],
  lines: readonly BenchmarkLine[],
  failOver: number,
): Standing[] {
  const earlier = new Map(toSeries(baseline, comparable).map((series) => [series.key, series.values]));
  return toSeries(lines, comparable).flatMap(({ key, of, values }) => {
    const old = earlier.get(key);
    if (old === undefined || worsening(of.direction, 1, 1) === undefined) return [];
    const standing = standingOf(of, lastOf(old), lastOf(values));
    return standing === undefined ? [] : [{ ...standing, isWorse: standing.ratio > failOver && standing.low > 1 }];
  });
}

/** Numbers of the embedded engine are no baseline for Neon's, nor the other way round. */
const comparable = (line: BenchmarkLine): string => `${line.isEmbedded} ${seriesKey(line)}`;

const lastOf = (values: readonly number[]): number[] => values.slice(-ENOUGH_VALUES);

function standingOf(of: BenchmarkLine, old: number[], now: number[]): Omit<Standing, "isWorse"> | undefined {
  if ([...old, ...now].some((value) => value <= 0)) return undefined;
  const sign = of.direction === "lower" ? 1 : -1;
  const logs = (values: readonly number[]): number[] => values.map((value) => sign * Math.log(value));
  const { estimate, low, high, confidence } = unpairedShift(logs(old), logs(now));
  if (confidence > 0) return { of, ratio: Math.exp(estimate), low: Math.exp(low), high: Math.exp(high) };
  const all = logs(now).flatMap((one) => logs(old).map((other) => one - other));
  return { of, ratio: Math.exp(estimate), low: Math.exp(Math.min(...all)), high: Math.exp(Math.max(...all)) };
}

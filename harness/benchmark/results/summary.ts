import { medianAbsoluteDeviation, quantile } from "simple-statistics";

/** What stands in a report instead of all values. */
export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** Median absolute deviation as a share of the median: what the middle half of the values strays. */
  readonly spread: number;
}

/** Of at least one value. */
export function summarize(values: readonly number[]): Summary {
  const list = [...values];
  const median = quantile(list, 0.5);
  return {
    count: list.length,
    median,
    least: Math.min(...list),
    most: Math.max(...list),
    spread: median === 0 ? 0 : medianAbsoluteDeviation(list) / Math.abs(median),
  };
}

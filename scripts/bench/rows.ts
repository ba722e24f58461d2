import type { Part } from "./options";

export interface Row {
  id: string;
  part: Part;
  name: string;
  /** The most that ours may take, as a share of the original's median; without one the row is only shown. */
  budget?: number;
}

export const ROWS = [
  { id: "setUp", part: "environment", name: "`neonSimpleEnv` ready, its tenant from a template", budget: 0.25 },
  { id: "made", part: "environment", name: "the same with `timelinesFromTemplate: false`, an initdb of its own" },
  { id: "tearDown", part: "environment", name: "its teardown, a compute running, checks included", budget: 0.4 },
  { id: "whole", part: "environment", name: "a one-second test as a whole", budget: 0.45 },
  { id: "slowReader", part: "slow-reader", name: "the slow-reader pair, one after the other", budget: 0.3 },
  { id: "regress", part: "regress", name: "all regress tests with `-n 2`", budget: 0.5 },
] as const satisfies readonly Row[];

export type RowId = (typeof ROWS)[number]["id"];

/** Seconds, one entry per round. */
export type Seconds = Partial<Record<RowId, number>>;

export interface Round {
  ours: Seconds;
  original: Seconds;
}

export interface Verdict {
  name: string;
  ours: readonly number[];
  original: readonly number[];
  ratio: number;
  budget: number | undefined;
  kept: boolean;
}

/** One verdict for every row that was measured. */
export function judge(rounds: readonly Round[]): Verdict[] {
  return ROWS.flatMap(({ id, name, budget }: Row & { id: RowId }) => {
    const ours = measured(rounds.map((round) => round.ours[id]));
    const original = measured(rounds.map((round) => round.original[id]));
    if (ours.length === 0 || original.length === 0) return [];
    const ratio = median(ours) / median(original);
    return [{ name, ours, original, ratio, budget, kept: budget === undefined || ratio <= budget }];
  });
}

const measured = (values: readonly (number | undefined)[]): number[] => values.filter((value) => value !== undefined);

/** Of an even number of values the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [lower = NaN, upper = NaN] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (lower + upper) / 2;
}

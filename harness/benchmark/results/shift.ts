/** An estimate of how far something has moved, and where it lies with the confidence that could be reached. */
export interface Shift {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  /** 0 where there are too few values for any. */
  readonly confidence: number;
}

/** In 39 of 40 cases right, where there are values enough; where there are fewer, at least in 19 of 20. */
const WANTED = 0.975;
const LEAST = 0.95;

/** From so many rounds on, a wild one is in so few of all averages of two that ranks make more of the values than signs. */
const ENOUGH_FOR_RANKS = 15;

/**
 * Where paired differences lie, with an exact interval that assumes nothing but that the two might as well have been the other
 * way round. Of few, their median by signs: of ten one on either side may be anything. Of more, Hodges and Lehmann's estimate
 * by Wilcoxon's signed ranks, which of quiet values makes an interval that is a third shorter.
 */
export function pairedShift(differences: readonly number[]): Shift {
  const count = differences.length;
  if (count < ENOUGH_FOR_RANKS) return shiftOf(differences, signCounts(count));
  const averages = differences.flatMap((one, index) => differences.slice(index).map((other) => (one + other) / 2));
  return shiftOf(averages, signedRankCounts(count));
}

/** How often chance alone puts at least as many signs on one side, of differences that are none; 1 where all are 0. */
export function signChance(differences: readonly number[]): number {
  const above = differences.filter((difference) => difference > 0).length;
  const below = differences.filter((difference) => difference < 0).length;
  const counts = signCounts(above + below);
  const tail = counts.slice(0, Math.min(above, below) + 1).reduce((sum, count) => sum + count, 0);
  return Math.min(1, (2 * tail) / 2 ** (above + below));
}

/**
 * How far `later` lies above `earlier`, two independent samples: Hodges and Lehmann's estimate with its exact interval by
 * Mann and Whitney's ranks.
 */
export function unpairedShift(earlier: readonly number[], later: readonly number[]): Shift {
  const differences = earlier.flatMap((one) => later.map((other) => other - one));
  return shiftOf(differences, rankSumCounts(earlier.length, later.length));
}

/** `counts[t]` of all equally likely outcomes have the statistic t; the interval leaves out as many at either end. */
function shiftOf(candidates: readonly number[], counts: readonly number[]): Shift {
  const sorted = candidates.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const estimate = ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
  const all = counts.reduce((sum, count) => sum + count, 0);
  const { place, confidence } = intervalIn(counts, all);
  return {
    estimate,
    low: sorted[place - 1] ?? Number.NEGATIVE_INFINITY,
    high: (place === 0 ? undefined : sorted[sorted.length - place]) ?? Number.POSITIVE_INFINITY,
    confidence,
  };
}

/** The place from either end at which the interval begins, for the wanted confidence, or else the best that there is. */
function intervalIn(counts: readonly number[], all: number): { place: number; confidence: number } {
  let [tail, place, confidence] = [0, 0, 0];
  for (const [index, count] of counts.entries()) {
    tail += count;
    const reached = 1 - (2 * tail) / all;
    if (reached < (index === 0 ? LEAST : WANTED)) break;
    [place, confidence] = [index + 1, reached];
  }
  return { place, confidence };
}

/** In how many of the 2^n outcomes so many signs are positive. */
function signCounts(n: number): number[] {
  let counts = [1];
  for (let count = 1; count <= n; count += 1) {
    counts = [...counts, 0].map((each, index) => each + (counts[index - 1] ?? 0));
  }
  return counts;
}

/** In how many of the 2^n outcomes the ranks of the positive ones have each sum. */
function signedRankCounts(n: number): number[] {
  let counts = [1];
  for (let rank = 1; rank <= n; rank += 1) {
    counts = Array.from({ length: counts.length + rank }, (_, sum) => (counts[sum] ?? 0) + (counts[sum - rank] ?? 0));
  }
  return counts;
}

/** How many of the ways to mix n and m values have each number of inversions: Gaussian binomial coefficients. */
function rankSumCounts(n: number, m: number): number[] {
  let counts = [1];
  for (let one = 1; one <= n; one += 1) counts = over(timesOneMinus(counts, m + one), one);
  return counts;
}

/** Times 1 − x^k. */
function timesOneMinus(polynomial: readonly number[], k: number): number[] {
  return Array.from(
    { length: polynomial.length + k },
    (_, index) => (polynomial[index] ?? 0) - (polynomial[index - k] ?? 0),
  );
}

/** Divided by 1 − x^k, which goes without a rest here. */
function over(polynomial: readonly number[], k: number): number[] {
  const quotient: number[] = [];
  for (const [index, coefficient] of polynomial.entries()) quotient.push(coefficient + (quotient[index - k] ?? 0));
  return quotient.slice(0, polynomial.length - k);
}

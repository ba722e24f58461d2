import { describe, expect, test } from "vitest";
import { randomFrom } from "../../types";
import { line } from "../testing/lines";
import { againstBaseline } from "./baseline";
import type { BenchmarkLine } from "./line";
import { compareSides, describeVerdict, headline, verdictOn } from "./verdict";
import type { Verdict } from "./verdict";
import { pairedShift, unpairedShift } from "./shift";

/** How many of the subsets of 1 … count have a sum below this, one by one. */
function subsetsBelow(sum: number, count: number): number {
  let found = 0;
  for (let subset = 0; subset < 2 ** count; subset += 1) {
    let rest = sum;
    for (let rank = 1; rank <= count; rank += 1) if (subset & (1 << (rank - 1))) rest -= rank;
    if (rest > 0) found += 1;
  }
  return found;
}

describe("intervals", () => {
  test("of pairs, by the exact distribution of signs", () => {
    // Of 1024 outcomes of ten signs, 11 have at most one that is positive: the interval leaves out one value at either end.
    const shift = pairedShift([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(shift).toEqual({ estimate: 5.5, low: 2, high: 9, confidence: 1 - 22 / 1024 });
  });

  test("of many pairs, by the exact distribution of signed ranks", () => {
    const values = Array.from({ length: 15 }, (_, index) => 2 ** index);
    const averages = values.flatMap((one, index) => values.slice(index).map((other) => (one + other) / 2));
    const sorted = averages.toSorted((a, b) => a - b);
    const { low, high, confidence } = pairedShift(values);
    const place = sorted.indexOf(low) + 1;
    expect(high).toBe(sorted.at(-place));
    expect(confidence).toBe(1 - (2 * subsetsBelow(place, 15)) / 2 ** 15);
    expect(confidence).toBeGreaterThan(0.975);
    expect(1 - (2 * subsetsBelow(place + 1, 15)) / 2 ** 15).toBeLessThan(0.975);
  });

  test("of two samples, by the exact distribution of rank sums", () => {
    // Of 252 ways to mix five and five, two have at most one inversion: it leaves out one of 25 differences at either end.
    const shift = unpairedShift([1, 2, 3, 4, 5], [11, 12, 13, 14, 15]);
    expect(shift).toEqual({ estimate: 10, low: 7, high: 13, confidence: 1 - 4 / 252 });
  });

  test("of too few values there are none", () => {
    expect(pairedShift([1, 1, 1, 1, 1])).toMatchObject({ estimate: 1, confidence: 0, high: Infinity, low: -Infinity });
    expect(unpairedShift([1, 2], [3, 4])).toMatchObject({ estimate: 2, confidence: 0 });
  });

  test("one outlier moves nothing", () => {
    const ratios = [1.01, 0.99, 1.0, 1.02, 0.98, 1.01, 0.99, 1.0, 1.0, 9];
    expect(verdictOn(line(), ratios)).toMatchObject({ outcome: "no difference" });
    expect(verdictOn(line(), [...ratios, 0.98, 1.01, 1, 1.02, 0.99])).toMatchObject({ outcome: "no difference" });
  });
});

/** Rounds of a system that works for some milliseconds and strays as machines do: a little always, a lot now and then. */
function rounds(seed: number, options: { slowdown: number; noise: number; count: number }): BenchmarkLine[] {
  const random = randomFrom(seed);
  const noisy = (): number =>
    1 + options.noise * ((random(1000) + random(1000) + random(1000)) / 1500 - 1) + (random(20) === 0 ? 0.5 : 0);
  return Array.from({ length: options.count }, (_, round) => [
    line({ side: "A", round, value: noisy() }),
    line({ side: "B", round, value: options.slowdown * noisy() }),
  ]).flat();
}

describe("verdicts", () => {
  const outcomes = (slowdown: number, noise: number, count = 10): string[] =>
    Array.from(
      { length: 200 },
      (_, seed) => compareSides(rounds(seed, { slowdown, noise, count }))[0]?.outcome ?? "none",
    );
  const share = (list: readonly string[], outcome: string): number =>
    list.filter((each) => each === outcome).length / list.length;

  test("the same twice is no difference, a fifth slower is slower, a fifth faster is faster", () => {
    expect(share(outcomes(1, 0.05), "no difference")).toBeGreaterThan(0.8);
    expect(share(outcomes(1.2, 0.1), "slower")).toBeGreaterThan(0.9);
    expect(share(outcomes(1 / 1.2, 0.1), "faster")).toBeGreaterThan(0.9);
  });

  test("a difference that isn't there is not claimed, however much the values stray", () => {
    for (const noise of [0.02, 0.1, 0.3, 0.6]) {
      const said = outcomes(1, noise);
      expect(share(said, "slower") + share(said, "faster")).toBeLessThanOrEqual(0.03);
    }
  });

  test("of many metrics of the same system none is called different, in 19 of 20 comparisons", () => {
    const names = Array.from({ length: 24 }, (_, index) => `metric ${index}`);
    const alarms = (count: number): number => {
      const said = Array.from({ length: 200 }, (_, seed) => {
        const lines = names.flatMap((name, index) =>
          rounds(1000 * seed + index, { slowdown: 1, noise: 0.6, count }).map((each) => ({ ...each, name })),
        );
        return compareSides(lines).some(({ outcome }) => outcome === "slower" || outcome === "faster");
      });
      return said.filter(Boolean).length / said.length;
    };
    expect(alarms(10)).toBeLessThanOrEqual(0.05);
    expect(alarms(15)).toBeLessThanOrEqual(0.05);
  });

  test("each value is held against the one that was measured beside it", () => {
    // The machine's speed changes by whole numbers from one measurement to the next; B is a fifth slower at every speed.
    const lines = Array.from({ length: 8 }, (_, round) =>
      [1, 5, 2, 7, 3].flatMap((speed, index) => [
        line({ side: "A", round, value: speed * (1 + index / 100) }),
        line({ side: "B", round, value: 1.2 * speed * (1 + (4 - index) / 100) }),
      ]),
    ).flat();
    expect(compareSides(lines)[0]).toMatchObject({ outcome: "slower", ratio: expect.closeTo(1.2, 5) as number });
    // One of B is missing, and nobody knows which belong together: 3.12 is the median of A, (2.448 + 6.18) / 2 that of B.
    const [unequal] = compareSides(lines.filter(({ round }) => round === 7).slice(0, -1));
    expect(unequal?.ratio).toBeCloseTo(4.314 / 3.12, 5);
  });

  test("metrics that say the same count once", () => {
    const lines = rounds(2, { slowdown: 1.3, noise: 0.1, count: 10 });
    const inverse = lines.map((each) => ({
      ...{ ...each, name: "per second", value: 1 / each.value, direction: "higher" as const },
    }));
    const other = rounds(7, { slowdown: 1, noise: 0.1, count: 10 }).map((each) => ({ ...each, name: "other" }));
    const [alone] = compareSides(lines);
    expect(compareSides([...lines, ...inverse])[0]?.chance).toBe(alone?.chance);
    expect(compareSides([...lines, ...inverse, ...other])[0]?.chance).toBeCloseTo(2 * (alone?.chance ?? 0), 12);
  });

  test("where the values stray too much, or rounds are too few, nothing is said", () => {
    expect(share(outcomes(1.2, 1.5), "no verdict")).toBeGreaterThan(0.8);
    expect(new Set(outcomes(1.2, 0.01, 5))).toEqual(new Set(["no verdict"]));
    const [few] = compareSides(rounds(1, { slowdown: 1.2, noise: 0.01, count: 5 }));
    expect(few && describeVerdict(few)).toBe("no verdict: 5 rounds are too few, 6 are the least");
  });

  test("more per second is better, a parameter is neither", () => {
    const throughput = rounds(1, { slowdown: 1.5, noise: 0.05, count: 10 }).map((each) => ({
      ...each,
      direction: "higher" as const,
    }));
    expect(compareSides(throughput)[0]?.outcome).toBe("faster");
    expect(compareSides(throughput.map((each) => ({ ...each, direction: "parameter" as const })))).toEqual([]);
  });

  test("one line for all of them", () => {
    const one = (slowdown: number, name: string) =>
      rounds(3, { slowdown, noise: 0.05, count: 10 }).map((each) => ({ ...each, name }));
    expect(headline([])).toMatch(/^no verdict: there is no metric/);
    expect(headline(compareSides([...one(1, "a"), ...one(1, "b")]))).toBe("no difference in 2 of 2 metrics");
    expect(headline(compareSides([...one(1, "a"), ...one(1.3, "b")]))).toBe("B is worse in 1 of 2 metrics");
  });
});

/**
 * What B's processor time per page was of A's, round by round, in two comparisons of get-page on the embedded engine, without
 * what was planted: two cores, a load average of 13 to 17, throughputs that strayed by a half.
 */
const MEASURED = [
  ...[1.12, 0.97, 0.93, 0.99, 0.9, 1.02, 1.01, 1.12, 1.02, 0.94],
  ...[1.0, 0.92, 0.91, 1.09, 0.93, 1.01, 1.0, 1.08, 1.16, 0.99],
];

/** Six metrics that stray by what was measured; the first two tell the same, and are slower by what was planted. */
function comparison(seed: number, slowdown: number, count: number): BenchmarkLine[] {
  const random = randomFrom(seed);
  const noisy = (): number => {
    const ratio = MEASURED[random(MEASURED.length)] ?? 1;
    return random(2) === 0 ? ratio : 1 / ratio;
  };
  return Array.from({ length: count }, (_, round) => {
    const planted = slowdown * noisy();
    const values = {
      "per page": planted,
      latency: planted,
      "99%": noisy(),
      start: noisy(),
      size: noisy(),
      rest: noisy(),
    };
    return Object.entries(values).flatMap(([name, value]) => [
      line({ name, side: "A", round, value: 1 }),
      line({ name, side: "B", round, value }),
    ]);
  }).flat();
}

test("with a machine's measured noise a planted fifth is found, and nothing where there is nothing", () => {
  const COMPARISONS = 100;
  const all = (slowdown: number, rounds: number): Verdict[][] =>
    Array.from({ length: COMPARISONS }, (_, seed) => compareSides(comparison(seed, slowdown, rounds)));
  const share = (comparisons: readonly Verdict[][], isSo: (verdicts: readonly Verdict[]) => boolean): number =>
    comparisons.filter(isSo).length / COMPARISONS;
  const isFound = ([first]: readonly Verdict[]): boolean => first?.outcome === "slower";
  const isSame = ([first]: readonly Verdict[]): boolean => first?.outcome === "no difference";
  const isAlarm = (verdicts: readonly Verdict[]): boolean =>
    verdicts.some(({ outcome }) => outcome === "slower" || outcome === "faster");
  expect(share(all(1.2, 15), isFound)).toBe(1);
  const same = all(1, 15);
  expect(share(same, isAlarm)).toBeLessThan(0.05);
  expect(share(same, isSame)).toBeGreaterThan(0.95);
  expect(share(all(1.2, 10), isFound)).toBeGreaterThan(0.9);
});

describe("a baseline", () => {
  const values = (name: string, list: readonly number[], given: Partial<BenchmarkLine> = {}): BenchmarkLine[] =>
    list.map((value) => line({ name, value, ...given }));
  const earlier = values("insert", [1, 1.1, 0.9, 1.05, 0.95]);
  const worse = (lines: readonly BenchmarkLine[], old = earlier) =>
    againstBaseline(old, lines, 1.2).filter(({ isWorse }) => isWorse).length;

  test("what is worse by more than it may be is found, what isn't is not", () => {
    expect(worse(values("insert", [1.4, 1.5, 1.3, 1.45, 1.35]))).toBe(1);
    expect(worse(values("insert", [1.1, 1.2, 1, 1.15, 1.05]))).toBe(0);
    expect(worse(values("insert", [0.5, 0.6, 0.4]))).toBe(0);
  });

  test("where values overlap there is nothing to say, although the medians are far apart", () => {
    expect(worse(values("insert", [0.9, 3, 0.8, 3, 3]))).toBe(0);
  });

  test("single values are compared as they are", () => {
    expect(worse(values("insert", [1.3]), values("insert", [1]))).toBe(1);
    expect(worse(values("insert", [1.1]), values("insert", [1]))).toBe(0);
  });

  test("the embedded engine is no baseline for Neon", () => {
    expect(againstBaseline(earlier, values("insert", [9], { isEmbedded: false }), 1.2)).toEqual([]);
  });
});

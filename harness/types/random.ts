import { HarnessError } from "./errors";

/** Whole numbers, 0 ≤ n < below. */
export type Random = (below: number) => number;

/** Mulberry32: the same seed gives the same numbers. */
export function randomFrom(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** One of `items`, which are not empty. */
export function oneOf<T>(random: Random, items: readonly T[]): T {
  return items[random(items.length)] as T;
}

/** NEON_TEST_SEED, or a seed that nobody had yet; whoever uses it says it when something fails. */
export function testSeed(): number {
  const asked = process.env["NEON_TEST_SEED"];
  if (!asked) return Math.floor(Math.random() * 2 ** 31);
  if (/^\d+$/.test(asked)) return Number(asked) >>> 0;
  throw new HarnessError("BAD_ENV", {
    summary: "NEON_TEST_SEED is no seed",
    expected: "a whole number, as a failed run has printed it",
    found: JSON.stringify(asked),
  });
}

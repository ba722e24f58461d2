/** Whether this is the long run, `npm run test:long`; what can be long or short is short otherwise. */
export const isLongRun = process.env["NEON_TEST_LONG"] === "1";

/** NEON_TEST_SEED, or one that nobody had yet; whoever uses it says it when a test fails. */
export function testSeed(): number {
  const asked = process.env["NEON_TEST_SEED"];
  return asked ? Number(asked) >>> 0 : Math.floor(Math.random() * 2 ** 31);
}

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

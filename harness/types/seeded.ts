import { createHash, randomBytes } from "node:crypto";

let source: { readonly seed: string; next: number } | undefined;

/** From now on ids follow from the seed, in this process; without one they are random again. */
export function seedIds(seed: string | undefined): void {
  source = seed === undefined ? undefined : { seed, next: 0 };
}

/** At most 32 bytes for an id. */
export function idBytes(count: number): Buffer {
  if (source === undefined) return randomBytes(count);
  const text = `${source.seed}/${(source.next += 1)}`;
  return createHash("sha256").update(text).digest().subarray(0, count);
}

/** A whole number below 2^31 that follows from the text; for whoever needs randomness that can be had again. */
export function seedOf(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32BE() >>> 1;
}

/** Fisher and Yates, by a seed: the same list and seed give the same order. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const rest = [...items];
  const order: T[] = [];
  for (let step = 0; rest.length > 0; step += 1) order.push(...rest.splice(seedOf(`${seed}/${step}`) % rest.length, 1));
  return order;
}

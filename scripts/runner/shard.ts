import type { Share } from "../command/readers";

/** One thing that has to run somewhere, and how long it is expected to take, in seconds. */
export interface Weighed {
  readonly name: string;
  readonly seconds: number;
}

export interface ShardPlan<T> {
  readonly shards: readonly (readonly T[])[];
  /** Planned seconds of each shard. */
  readonly seconds: readonly number[];
  /** The longest shard against the mean; 1 is perfect. */
  readonly spread: number;
}

/**
 * Longest first, each to the shard that has least so far. Every shard makes the same plan of the same list, whatever
 * machine it runs on.
 */
export function planShards<T extends Weighed>(items: readonly T[], count: number): ShardPlan<T> {
  const shards = Array.from({ length: count }, (): T[] => []);
  const seconds = shards.map(() => 0);
  const byLength = items.toSorted((a, b) => b.seconds - a.seconds || (a.name < b.name ? -1 : 1));
  for (const item of byLength) {
    const least = seconds.indexOf(Math.min(...seconds));
    shards[least]?.push(item);
    seconds[least] = (seconds[least] ?? 0) + item.seconds;
  }
  const mean = seconds.reduce((sum, each) => sum + each, 0) / count;
  return { shards, seconds, spread: mean === 0 ? 1 : Math.max(...seconds) / mean };
}

/** `shard 2/4: 13 of 52 tests, planned 41 s of 160 s, spread 1.03`. */
export function describeShard({ index, count }: Share, plan: ShardPlan<unknown>): string {
  const tests = plan.shards.reduce((sum, shard) => sum + shard.length, 0);
  const total = plan.seconds.reduce((sum, each) => sum + each, 0);
  const own = Math.round(plan.seconds[index - 1] ?? 0);
  const size = plan.shards[index - 1]?.length ?? 0;
  const spread = plan.spread.toFixed(2);
  return `shard ${index}/${count}: ${size} of ${tests} tests, planned ${own} s of ${Math.round(total)} s, spread ${spread}`;
}

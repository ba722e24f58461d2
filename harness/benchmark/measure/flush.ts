import type { ComparedSystem } from "../systems/compared-system";
import type { Benchmark } from "./benchmark";

/**
 * How long a system of ours takes to flush what was just written. In the same turn: while the other side of a comparison works,
 * there would be less and less left to do.
 */
export async function recordFlush(benchmark: Benchmark, system: ComparedSystem, name = "flush"): Promise<void> {
  if (system.isOurs) await benchmark.inOneTurn(() => benchmark.recordDuration(name, () => system.flush()));
}

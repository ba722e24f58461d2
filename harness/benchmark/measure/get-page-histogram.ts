import type { Histogram } from "../../api/metrics/histogram";
import type { NeonSystem } from "../systems/neon-system";
import type { Benchmark } from "./benchmark";

const NAME = "pageserver_smgr_query_seconds";
const LABELS = { smgr_query_type: "get_page_at_lsn" };

const now = async ({ env }: NeonSystem): Promise<Histogram | undefined> =>
  (await env.pageserver.httpClient().metrics()).histogram(NAME, LABELS);

/** What the pageserver itself says that its GetPage requests took, from here on; for engines that count them. */
export async function getPageHistogram(system: NeonSystem) {
  const before = await now(system);
  return {
    async recordSince(benchmark: Benchmark): Promise<void> {
      const after = await now(system);
      if (before === undefined || after === undefined || after.count === before.count) return;
      const count = after.count - before.count;
      benchmark.record(
        "pageserver's own GetPage time, average",
        ((after.sum - before.sum) / count) * 1000,
        "ms",
        "lower",
      );
      for (const share of [0.5, 0.99]) {
        const bound = boundOf(before, after, share * count);
        if (!Number.isFinite(bound)) continue;
        // A bucket's bound: as coarse as it is, that it stays where it was says nothing.
        benchmark.record(`pageserver's own GetPage time, ${share * 100}% within`, bound * 1000, "ms", "parameter");
      }
    },
  };
}

/** The least bound of a bucket below which so many of the new ones lie. */
function boundOf(before: Histogram, after: Histogram, wanted: number): number {
  const earlier = new Map(before.buckets.map(({ le, count }) => [le, count]));
  return after.buckets.find(({ le, count }) => count - (earlier.get(le) ?? 0) >= wanted)?.le ?? Infinity;
}

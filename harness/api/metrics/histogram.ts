import type { Sample } from "./metrics";

export interface Histogram {
  sum: number;
  count: number;
  /** Cumulative as on the wire, in ascending order; the last one's bound is Infinity. */
  buckets: { le: number; count: number }[];
}

interface SampleSource {
  all(name: string, labels: Readonly<Record<string, string>>): Sample[];
}

const total = (samples: readonly Sample[]): number => samples.reduce((sum, { value }) => sum + value, 0);

/** Undefined where the scrape has no histogram of this name with these labels. */
export function histogramOf(
  metrics: SampleSource,
  name: string,
  labels: Readonly<Record<string, string>>,
): Histogram | undefined {
  const counts = metrics.all(`${name}_count`, labels);
  if (counts.length === 0) return undefined;
  const byBound = new Map<number, number>();
  for (const { labels: own, value } of metrics.all(`${name}_bucket`, labels)) {
    const bound = own["le"] === "+Inf" ? Infinity : Number(own["le"]);
    byBound.set(bound, (byBound.get(bound) ?? 0) + value);
  }
  const buckets = [...byBound].map(([le, count]) => ({ le, count })).toSorted((a, b) => a.le - b.le);
  return { sum: total(metrics.all(`${name}_sum`, labels)), count: total(counts), buckets };
}

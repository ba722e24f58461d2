import type { Histogram } from "./histogram";
import { histogramOf } from "./histogram";

/** One sample of the Prometheus text format, by its name on the wire. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export type MetricType = "counter" | "gauge" | "histogram" | "summary" | "untyped";

/**
 * All samples of one scrape. Rust nodes export most counters without `_total` (neon-protocols §8), while everyone else's
 * tools show them with it: a counter is found under both names.
 */
export class Metrics {
  readonly samples: readonly Sample[];
  readonly #types: ReadonlyMap<string, MetricType>;
  readonly #byName = new Map<string, Sample[]>();

  constructor(samples: readonly Sample[], types: ReadonlyMap<string, MetricType> = new Map()) {
    this.samples = samples;
    this.#types = types;
    for (const sample of samples) {
      const known = this.#byName.get(sample.name);
      if (known === undefined) this.#byName.set(sample.name, [sample]);
      else known.push(sample);
    }
  }

  /** What the scrape says that the metric is; the name with or without `_total`. */
  type(name: string): MetricType | undefined {
    return this.#types.get(this.#wireName(name));
  }

  /** Samples with this name whose labels contain those given. */
  all(name: string, labels: Readonly<Record<string, string>> = {}): Sample[] {
    const wanted = Object.entries(labels);
    const named = this.#byName.get(this.#wireName(name)) ?? [];
    return named.filter((sample) => wanted.every(([key, value]) => sample.labels[key] === value));
  }

  /** The value of the one sample that matches; undefined when there is none, an error when there are several. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.all(name, labels);
    if (found.length > 1) {
      throw new Error(`metric ${name} ${JSON.stringify(labels)} is ambiguous: ${found.length} samples`);
    }
    return found[0]?.value;
  }

  /** The sum over all samples that match, e.g. over all shards; 0 when there is none. */
  total(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.all(name, labels).reduce((sum, { value }) => sum + value, 0);
  }

  /** Sum, count and buckets of a histogram, added up where the labels leave several series. */
  histogram(name: string, labels: Readonly<Record<string, string>> = {}): Histogram | undefined {
    return histogramOf(this, name, labels);
  }

  #wireName(name: string): string {
    if (this.#byName.has(name) || !name.endsWith("_total")) return name;
    const short = name.slice(0, -"_total".length);
    return this.#types.get(short) === "counter" ? short : name;
  }
}

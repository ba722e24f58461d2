import type { Registry } from "prom-client";

/** Observations of one series, counted where they are made: prom-client would look up the labels for each of them. */
export class Observations {
  count = 0;
  sum = 0;
  /** By bucket: how many were not larger than its bound. */
  readonly below: number[];
  readonly #bounds: readonly number[];

  constructor(bounds: readonly number[] = []) {
    this.#bounds = bounds;
    this.below = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.count += 1;
    this.sum += value;
    for (let index = this.#bounds.length - 1; index >= 0 && value <= (this.#bounds[index] ?? 0); index -= 1) {
      this.below[index] = (this.below[index] ?? 0) + 1;
    }
  }
}

export interface HistogramSeries {
  readonly labels: Record<string, string>;
  readonly observations: Observations;
}

/** Registers a histogram whose series are read when it is scraped. */
export function summedHistogram(
  registry: Registry,
  options: { name: string; help: string; bounds: readonly number[]; series: () => Iterable<HistogramSeries> },
): void {
  const { name, help, bounds, series } = options;
  const get = () => {
    const values: { metricName: string; labels: Record<string, string | number>; value: number }[] = [];
    for (const { labels, observations } of series()) {
      const add = (suffix: string, value: number, more = {}) =>
        values.push({ metricName: `${name}_${suffix}`, labels: { ...labels, ...more }, value });
      for (const [index, le] of bounds.entries()) add("bucket", observations.below[index] ?? 0, { le });
      add("bucket", observations.count, { le: "+Inf" });
      add("sum", observations.sum);
      add("count", observations.count);
    }
    return Promise.resolve({ name, help, type: "histogram", values, aggregator: "sum" });
  };
  registry.registerMetric({ name, get, reset: () => undefined } as never);
}

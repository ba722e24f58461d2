import { quantileSorted } from "simple-statistics";

/** Latencies of many operations, all of them kept: 8 bytes each. */
export class Latencies {
  #ms = new Float64Array(1024);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(ms: number): void {
    if (this.#count === this.#ms.length) {
      const grown = new Float64Array(this.#ms.length * 2);
      grown.set(this.#ms);
      this.#ms = grown;
    }
    this.#ms[this.#count] = ms;
    this.#count += 1;
  }

  summary(): LatencySummary {
    const values = this.#ms.slice(0, this.#count).sort();
    const list = values as unknown as number[];
    const mean = values.reduce((sum, ms) => sum + ms, 0) / Math.max(1, values.length);
    const variance = values.reduce((sum, ms) => sum + (ms - mean) ** 2, 0) / Math.max(1, values.length);
    const at = (share: number): number => (values.length === 0 ? 0 : quantileSorted(list, share));
    return { mean, stddev: Math.sqrt(variance), p50: at(0.5), p99: at(0.99), most: at(1) };
  }
}

/** Milliseconds. */
export interface LatencySummary {
  readonly mean: number;
  readonly stddev: number;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

import { loadavg } from "node:os";
import { measureNoise } from "../../../harness/benchmark/measure/machine";

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

/** What the same computation's time varies by on this machine now: a difference below it means nothing. */
export function printNoise(when: string): void {
  const { range, spread } = measureNoise();
  const load = (loadavg()[0] ?? 0).toFixed(2);
  process.stdout.write(
    `machine's noise ${when}: the same computation takes ±${percent(spread)} (four of five within ${percent(range)}); load average ${load}\n`,
  );
}

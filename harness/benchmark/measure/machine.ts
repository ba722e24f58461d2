import { createHash } from "node:crypto";
import { cpus, release, totalmem } from "node:os";
import { summarize } from "../results/summary";

const GIBIBYTE = 1024 ** 3;
const SAMPLES = 60;
const BLOCK = Buffer.alloc(1024 * 1024, "n");

/** `2 × AMD EPYC, 24 GiB, Linux 6.18`. */
export function describeMachine(): string {
  const all = cpus();
  return `${all.length} × ${all[0]?.model.trim() ?? "unknown processor"}, ${(totalmem() / GIBIBYTE).toFixed(0)} GiB, Linux ${release()}`;
}

export interface MachineNoise {
  /** How much the same work takes longer or shorter: (90th − 10th percentile) / median. */
  readonly range: number;
  readonly spread: number;
}

/** The same computation over and over, for half a second: what its time varies by no measurement can be better than. */
export function measureNoise(): MachineNoise {
  const times = Array.from({ length: SAMPLES }, () => {
    const begin = performance.now();
    for (let count = 0; count < 4; count += 1) createHash("sha256").update(BLOCK).digest();
    return performance.now() - begin;
  });
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (SAMPLES - 1))] ?? 0;
  return { range: (at(0.9) - at(0.1)) / at(0.5), spread: summarize(times).spread };
}

import type { BenchmarkLine } from "../results/line";

/** A line as a benchmark writes it; only what a test is about needs to be said. */
export function line(given: Partial<BenchmarkLine> = {}): BenchmarkLine {
  return {
    version: 1,
    at: 1_700_000_000_000,
    run: "run-1",
    side: undefined,
    round: undefined,
    platform: "local",
    revision: "abc",
    engine: "embedded engine 0.1.0",
    isEmbedded: true,
    versions: { postgres: "17.0" },
    machine: "2 × processor",
    scale: 1,
    benchmark: "bulk insert",
    system: "neon",
    name: "insert",
    value: 1,
    unit: "s",
    direction: "lower",
    parameters: { rows: 10 },
    ...given,
  };
}

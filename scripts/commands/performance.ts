import { defineCommand } from "../command/command";
import { PERFORMANCE_OPTIONS } from "../runner/benchmark/options";
import { runBenchmarks } from "../runner/benchmark/run-benchmarks";

export const performance = defineCommand({
  name: "performance",
  summary: "runs benchmarks, one at a time, and makes a report of all results in --out-dir",
  takes: "[NAME|FILE …]",
  passesOn: "VITEST OPTIONS",
  details: `Names are those of files in performance/, e.g. bulk-insert; all of them when nothing is said.
Exit codes: 0 all ran, 1 a benchmark failed, 2 the command was used wrongly.`,
  options: PERFORMANCE_OPTIONS,
  run: runBenchmarks,
});

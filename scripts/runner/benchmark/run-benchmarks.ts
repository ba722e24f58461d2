import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { readResults, writePage } from "../../../harness/benchmark/results";
import type { Invocation } from "../../command/command";
import { findProject } from "../../project";
import { runTests } from "../run-tests";
import type { TestInvocation } from "../test-options";
import type { PERFORMANCE_OPTIONS } from "./options";
import { printNoise } from "./machine-noise";
import { printResults } from "./print-results";

type PerformanceInvocation = Invocation<typeof PERFORMANCE_OPTIONS>;

/** Runs the chosen benchmarks, prints their results and writes the report; returns the exit code. */
export async function runBenchmarks(invocation: PerformanceInvocation): Promise<number> {
  const { options } = invocation;
  const project = findProject(process.cwd());
  const outDir = resolve(
    options.outDir ?? join(process.env["TEST_OUTPUT"] || join(project.root, "test_output"), "benchmark-results"),
  );
  const run = new Date().toISOString().replaceAll(/[:.]/g, "-");
  const file = join(outDir, `${run}.jsonl`);
  process.env["NEON_TEST_BENCHMARK_FILE"] = file;
  process.env["NEON_TEST_BENCHMARK_RUN"] = run;
  if (options.scale !== undefined) process.env["NEON_TEST_BENCHMARK_SCALE"] = String(options.scale);
  printNoise("before");
  const code = await runTests(asTests(invocation));
  if (!existsSync(file)) return code;
  printResults(readResults(file));
  printNoise("after");
  process.stdout.write(`results: ${relative(process.cwd(), file)}\n`);
  process.stdout.write(`report: ${relative(process.cwd(), writePage(outDir, readResults(outDir)))}\n`);
  return code;
}

function asTests({ options, positionals, rest }: PerformanceInvocation): TestInvocation {
  const { scale: _scale, outDir: _outDir, ...common } = options;
  const never = { workers: 1, watch: false, shard: undefined, updateDurations: false } as const;
  return {
    options: { ...common, ...never },
    positionals: positionals.length === 0 ? ["performance"] : positionals.map(fileOf),
    rest,
  };
}

/** `bulk-insert` stands for performance/bulk-insert.test.ts. */
function fileOf(text: string): string {
  const { root } = findProject(process.cwd());
  const path = join("performance", `${text}.test.ts`);
  return existsSync(join(root, path)) ? join(root, path) : text;
}

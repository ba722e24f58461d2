import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { compareSides, readResults, writePage } from "../../../harness/benchmark/results";
import type { BenchmarkLine } from "../../../harness/benchmark/results";
import { detectEngine } from "../../../harness/engine";
import { HarnessError, messageOfUnknown } from "../../../harness/types";
import type { Invocation } from "../../command/command";
import { findProject } from "../../project";
import { BENCHMARK_TIMEOUT_MS } from "../run-selected";
import { runTests } from "../run-tests";
import type { TestInvocation } from "../test-options";
import { benchmarkFiles, benchmarkPath, requireBenchmarks } from "./benchmark-files";
import { runComparison } from "./compare";
import { printNoise } from "./machine-noise";
import type { PERFORMANCE_OPTIONS } from "./options";
import { lookAhead } from "./look-ahead";
import { printResults, printStandings, printVerdicts } from "./print-results";

type PerformanceInvocation = Invocation<typeof PERFORMANCE_OPTIONS>;

/** With fifteen, what strays by a tenth from round to round is still told to be no different. */
const ROUNDS = 15;
const FAIL_OVER = 1.2;

interface Place {
  readonly run: string;
  /** TEST_OUTPUT, or what it is when not given. */
  readonly output: string;
  readonly outDir: string;
  readonly file: string;
}

/** Runs the chosen benchmarks, prints their results and writes the report; returns the exit code. */
export async function runBenchmarks(invocation: PerformanceInvocation): Promise<number> {
  const { options } = invocation;
  if (process.env["NEON_TEST_BENCHMARK_SIDE"] !== undefined) return runSide(invocation);
  requireMeaning(options);
  requireBenchmarks(findProject(process.cwd()), invocation.positionals);
  for (const { environment } of options.compare) await detectEngine({ ...process.env, ...environment });
  // Before anything runs: an hour later nobody wants to hear that it can't be read.
  const baseline = options.baseline === undefined ? undefined : readResults(options.baseline);
  const place = placeOf(options);
  if (options.scale !== undefined) process.env["NEON_TEST_BENCHMARK_SCALE"] = String(options.scale);
  if (options.list) return runTests(asTests(invocation));
  makeDirectory(place.outDir);
  printNoise("before");
  const isComparison = options.compare.length > 0;
  const code = isComparison ? await compare(invocation, place) : await runOnce(invocation, place);
  if (!existsSync(place.file)) return code;
  const lines = readResults(place.file);
  if (isComparison) printVerdicts(compareSides(lines));
  else printResults(lines);
  printNoise("after");
  process.stdout.write(`results: ${relative(process.cwd(), place.file)}\n`);
  process.stdout.write(`report: ${relative(process.cwd(), writePage(place.outDir, readResults(place.outDir)))}\n`);
  return baseline === undefined ? code : Math.max(code, judge(baseline, lines, options.failOver ?? FAIL_OVER));
}

function placeOf({ outDir }: PerformanceInvocation["options"]): Place {
  const output = process.env["TEST_OUTPUT"] || join(findProject(process.cwd()).root, "test_output");
  const directory = resolve(outDir ?? join(output, "benchmark-results"));
  const run = new Date().toISOString().replaceAll(/[:.]/g, "-");
  return { run, output: resolve(output), outDir: directory, file: join(directory, `${run}.jsonl`) };
}

/** Throws BAD_ARGUMENT where no results could be kept. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK);
  } catch (cause) {
    throw new HarnessError("BAD_ARGUMENT", {
      summary: "the directory for results can't be made or written to",
      expected: `a directory ${path}`,
      found: messageOfUnknown(cause),
      todo: "say --out-dir DIR",
      cause,
    });
  }
}

async function runOnce(invocation: PerformanceInvocation, { file, run }: Place): Promise<number> {
  process.env["NEON_TEST_BENCHMARK_FILE"] = file;
  process.env["NEON_TEST_BENCHMARK_RUN"] = run;
  return runTests(asTests(invocation), { beforeRun: lookAhead(invocation.options) });
}

/** One run of a comparison: whoever started it says where the values go, and makes the report. */
const runSide = (invocation: PerformanceInvocation): Promise<number> =>
  runTests(asTests(invocation), { beforeRun: lookAhead(invocation.options) });

async function compare(
  { options, positionals, rest }: PerformanceInvocation,
  { file, run, output }: Place,
): Promise<number> {
  const project = findProject(process.cwd());
  const [a, b] = options.compare;
  if (a === undefined || b === undefined) return 2;
  const keyword = options.keyword === undefined ? [] : ["-k", options.keyword];
  const versions = options.pgVersion.flatMap((version) => ["--pg-version", String(version)]);
  // While one side's test waits for its turn, the other's has it.
  const timeout = ["--timeout", `${2 * (options.timeout ?? BENCHMARK_TIMEOUT_MS)}ms`];
  const mismatch = options.allowVersionMismatch ? ["--allow-version-mismatch"] : [];
  return runComparison({
    ...{ project, run, output, results: file, sides: [a, b], rounds: options.rounds ?? ROUNDS },
    files: benchmarkFiles(project, positionals),
    options: [...timeout, ...keyword, ...versions, ...mismatch, ...(rest.length === 0 ? [] : ["--", ...rest])],
  });
}

/** 1 where something has become worse by more than it may. Throws BAD_ARGUMENT where there is nothing to compare. */
function judge(baseline: readonly BenchmarkLine[], lines: readonly BenchmarkLine[], failOver: number): number {
  return printStandings(baseline, lines, failOver) ? 1 : 0;
}

function asTests({ options, positionals, rest }: PerformanceInvocation): TestInvocation {
  const { scale, outDir, compare: sides, rounds, baseline, failOver, allowVersionMismatch, ...common } = options;
  void [scale, outDir, sides, rounds, baseline, failOver, allowVersionMismatch];
  const never = { workers: 1, watch: false, shard: undefined, updateDurations: false } as const;
  const project = findProject(process.cwd());
  const all = project.isClone ? ["performance"] : [];
  const names = positionals.length === 0 ? all : positionals.map((name) => benchmarkPath(project, name));
  return { options: { ...common, ...never }, positionals: names, rest };
}

function requireMeaning({ failOver, baseline, rounds, compare: sides }: PerformanceInvocation["options"]): void {
  const lonely = failOver !== undefined && baseline === undefined ? "--fail-over" : undefined;
  const alone = rounds !== undefined && sides.length === 0 ? "--rounds" : undefined;
  const found = lonely ?? alone;
  if (found === undefined) return;
  throw new HarnessError("BAD_ARGUMENT", {
    summary: `${found} says nothing by itself`,
    expected: found === "--rounds" ? "--compare A B --rounds N" : "--baseline FILE --fail-over X",
    found: `${found} alone`,
  });
}

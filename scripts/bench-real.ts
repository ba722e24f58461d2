import { prepareEngine } from "../harness/engine";
import type { Engine } from "../harness/engine";
import { PortPool } from "../harness/ports";
import { beginRun } from "../harness/process";
import { HarnessError } from "../harness/types";
import { makeBenchDirectory } from "./bench/bench-directory";
import { BEHAVIOURS } from "./bench/behaviours";
import { Bench } from "./bench/bench";
import { machineFacts } from "./bench/machine";
import { OriginalSuite } from "./bench/original-suite";
import { PARTS, parseBenchOptions } from "./bench/options";
import type { BenchOptions } from "./bench/options";
import { plainTable, writeDocument, describeUnmatched } from "./bench/report";
import { Results } from "./bench/results";
import { judge } from "./bench/rows";
import type { Verdict } from "./bench/rows";
import { collectTests } from "./runner/collect";
import { PACKAGE_ROOT } from "./project";

/**
 * `npm run bench:real -- --original DIR`: ours beside Neon's Python test_runner, in turn, on the same binaries. Prints
 * medians and exits with 1 when a budget is not kept, with 2 when it was used wrongly.
 */
async function main(argv: readonly string[]): Promise<number> {
  const options = parseBenchOptions(argv, process.env);
  const engine = await prepareEngine();
  console.log(engine.describe());
  const machine = await machineFacts(engine, options.python);
  const run = await beginRun();
  let kept: boolean | undefined;
  try {
    kept = await measure(options, engine, machine);
  } finally {
    await run.finish({ interrupted: kept === undefined });
  }
  return kept ? 0 : 1;
}

async function measure(options: BenchOptions, engine: Engine, machine: readonly string[]): Promise<boolean> {
  const workDir = makeBenchDirectory(engine.facts.identity);
  const buildType = process.env["BUILD_TYPE"] ?? "debug";
  const original = new OriginalSuite({ dir: options.original, python: options.python, workDir, buildType }, engine);
  await original.check();
  await using ports = await PortPool.lease();
  const bench = new Bench({ engine, ports, workDir, original, parts: options.parts });
  const results = new Results(options.results, engine.facts.description);
  await bench.warmUp();
  const verdicts = await play(bench, options.rounds, results);
  const unmatched = await testsWithoutCounterpart();
  if (unmatched.length > 0) console.log(describeUnmatched(unmatched));
  if (options.markdown) {
    const facts = { command: commandOf(options), machine, unmatched };
    console.log(`wrote ${await writeDocument(verdicts, facts)}`);
  }
  return verdicts.every((verdict) => verdict.kept);
}

/** The table is printed, too, when a later round fails. */
async function play(bench: Bench, count: number, results: Results): Promise<Verdict[]> {
  try {
    for (let round = 1; round <= count; round += 1) {
      console.log(`round ${round} of ${count}`);
      results.add(await bench.round());
    }
  } finally {
    if (results.rounds.length > 0) console.log(`\n${plainTable(judge(results.rounds))}\n`);
  }
  return judge(results.rounds);
}

async function testsWithoutCounterpart(): Promise<string[]> {
  const known = new Set(BEHAVIOURS.map((each) => each.ours));
  const tests = await collectTests(PACKAGE_ROOT, ["--project=regress"]);
  return tests.map((test) => test.fullName.replace(/^regress\//, "")).filter((name) => !known.has(name));
}

/** What made the table; the paths are everyone's own. */
function commandOf(options: BenchOptions): string {
  const only = options.parts.length === PARTS.length ? [] : options.parts.map((part) => `--only ${part}`);
  // What runs of several parts have added to one file is all in the table.
  const what = options.results === undefined ? [`--rounds ${options.rounds}`, ...only] : ["--results FILE"];
  const flags = ["--original $NEON", "--python $PYTHON", ...what, "--markdown"];
  return `NEON_BIN=… POSTGRES_DISTRIB_DIR=… npm run bench:real -- ${flags.join(" ")}`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!HarnessError.is(error)) throw error;
  process.stderr.write(`bench:real: ${error.message}\n`);
  process.exitCode = error.fault === "user" ? 2 : 1;
}

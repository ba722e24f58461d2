import { hostname } from "node:os";
import { relative } from "node:path";
import type { TestCase } from "vitest/node";
import type { Engine } from "../../harness/engine";
import type { RunRecord } from "../../harness/report";
import { seedOf, shuffled } from "../../harness/types";
import { PACKAGE_ROOT } from "../project";
import type { Project } from "../project";
import { chooseTests, targetsOf } from "./choose-tests";
import { Durations } from "./durations";
import type { Interruption } from "./interruption";
import { writeLastFailed } from "./last-failed";
import { printList } from "./list-tests";
import type { Prepared } from "./prepare";
import { replayCommand } from "./replay";
import { LineDisplay } from "./reporter/display";
import { LiveDisplay } from "./reporter/live-display";
import { printEnd } from "./reporter/print-end";
import { errorRecord, RunReporter } from "./reporter/run-reporter";
import { prepareEvidence, writeReports } from "./reports";
import { runRounds } from "./rounds";
import { describeShard, planShards } from "./shard";
import type { Selection } from "./suites";
import type { TestFilter } from "./test-filters";
import { nameOf, stemOf } from "./test-name";
import type { TestInvocation } from "./test-options";
import { withBundledFixtures } from "./vitest/bundled-fixtures";
import { projectsOf } from "./vitest/projects";
import { VitestSession } from "./vitest/session";
import type { Target } from "./vitest/session";
import { thisMachine, workersFor } from "./workers";

/** Looks at what would run before anything does; what it throws is all that happens. */
export type BeforeRun = (tests: readonly TestCase[], prepared: Prepared) => Promise<void>;

interface Plan extends Prepared {
  readonly invocation: TestInvocation;
  readonly project: Project;
  readonly selection: Selection;
  readonly filters: readonly TestFilter[];
  readonly interruption: Interruption;
  readonly beforeRun: BeforeRun | undefined;
}

/** Chooses, lists or runs; returns the exit code. */
export async function runSelected(plan: Plan): Promise<number> {
  const { options } = plan.invocation;
  const durations = Durations.load(plan.project.root);
  const display = process.stdout.isTTY && !options.stream ? new LiveDisplay() : new LineDisplay();
  const reporter = new RunReporter(display, (file) => durations.countIn(stemOf(relative(plan.project.root, file))));
  const session = await openSession(plan, reporter);
  try {
    plan.interruption.onAsked(() => void session.cancel("keyboard-input"));
    reporter.onFailure(() => {
      if (reporter.failed === bailOf(options)) void session.cancel("test-failure");
    });
    if (options.watch) return await watch(plan, session, reporter);
    const all = await session.targets(plan.selection.filters);
    const mustCollect =
      plan.filters.length > 0 || options.list || options.shard !== undefined || plan.beforeRun !== undefined;
    const chosen = mustCollect ? choose(await session.collect(all), plan, durations) : undefined;
    if (options.list) return printList(chosen ?? [], options.json, durations);
    if (plan.interruption.asked || chosen?.length === 0) return 0;
    await plan.beforeRun?.(chosen ?? [], plan);
    return await run(plan, { session, reporter, chosen, all, durations });
  } finally {
    display.close();
    await session.close();
  }
}

/** Until a person ends it. */
async function watch(
  { selection, interruption }: Plan,
  session: VitestSession,
  reporter: RunReporter,
): Promise<number> {
  const ended = new Promise<void>((resolve) =>
    interruption.onAsked(() => void session.cancel("keyboard-input").then(resolve)),
  );
  reporter.afterEachRun(() => {
    printEnd(reporter, { rounds: 1, replay: replayCommand });
    reporter.forget();
    process.stdout.write("waiting for changes; Ctrl-C ends\n");
  });
  await session.watch(selection.filters, ended);
  return 0;
}

function choose(tests: readonly TestCase[], plan: Plan, durations: Durations): readonly TestCase[] {
  const { shard } = plan.invocation.options;
  const chosen = chooseTests(tests, plan.filters);
  if (shard === undefined) return chosen;
  const weigh = (test: TestCase) => ({ test, name: nameOf(test), seconds: expectedSeconds(test, plan, durations) });
  const shards = planShards(chosen.map(weigh), shard.count);
  process.stdout.write(`${describeShard(shard, shards)}\n`);
  const own = new Set(shards.shards[shard.index - 1]?.map(({ test }) => test));
  return chosen.filter((test) => own.has(test));
}

/** A test whose needs this engine doesn't meet is skipped at once. */
function expectedSeconds(test: TestCase, { engine }: Plan, durations: Durations): number {
  const isSkipped = engine.missing(test.meta().requires ?? []).length > 0;
  return isSkipped ? 0 : durations.of(nameOf(test));
}

interface Running {
  readonly session: VitestSession;
  readonly reporter: RunReporter;
  readonly chosen: readonly TestCase[] | undefined;
  readonly all: readonly Target[];
  readonly durations: Durations;
}

async function run(plan: Plan, { session, reporter, chosen, all, durations }: Running): Promise<number> {
  const { options } = plan.invocation;
  const targets = chosen === undefined ? all : targetsOf(chosen);
  const longestFirst = targets.toSorted((a, b) => secondsOf(b) - secondsOf(a));
  function secondsOf({ moduleId }: Target): number {
    return durations.inFile(stemOf(relative(plan.project.root, moduleId)));
  }
  const seed = options.seed ?? seedOf(`${process.pid} ${Date.now()}`) % 1_000_000;
  const startedAt = Date.now();
  prepareEvidence(options);
  const rounds = await runRounds(session, reporter, {
    repeat: options.repeat,
    untilFail: options.untilFail,
    seed,
    selected: chosen === undefined ? undefined : new Set(chosen.map((test) => test.id)),
    order: (seed) => (options.seed === undefined ? longestFirst : shuffled(targets, seed)),
    isOver: () => plan.interruption.asked || (bailOf(options) > 0 && reporter.failed >= bailOf(options)),
  });
  printEnd(reporter, { rounds, replay: replayCommand });
  writeReports(recordOf(plan, reporter, { seed, startedAt }), options);
  remember(plan.project, reporter, options.updateDurations ? durations : undefined);
  return reporter.failed === 0 ? 0 : 1;
}

function recordOf(
  { engine, invocation }: Plan,
  reporter: RunReporter,
  begun: { seed: number; startedAt: number },
): RunRecord {
  const { shard } = invocation.options;
  const outside = reporter.broken.flatMap((entity) => entity.errors().map(errorRecord));
  return {
    version: 1,
    ...begun,
    endedAt: Date.now(),
    command: ["neon-test", ...process.argv.slice(2)].join(" "),
    engine: engine.describe(),
    machine: hostname(),
    shard: shard === undefined ? undefined : `${shard.index}/${shard.count}`,
    tests: reporter.tests,
    errors: [...outside, ...reporter.errors.map(errorRecord)],
    isInterrupted: reporter.interrupted,
  };
}

/** For --last-failed, and for the next plan of shards. */
function remember({ root }: Project, { tests, failures }: RunReporter, durations: Durations | undefined): void {
  const passed = tests.filter(({ attempts }) => attempts.every(({ status }) => status === "passed"));
  const failed = failures.map(({ test }) => nameOf(test));
  writeLastFailed(root, failed, new Set(passed.map(({ fullName }) => fullName)));
  durations?.update(new Map(passed.map(({ fullName, attempts }) => [fullName, (attempts[0]?.durationMs ?? 0) / 1000])));
}

const bailOf = ({ bail, exitfirst }: TestInvocation["options"]): number => (exitfirst ? 1 : (bail ?? 0));

async function openSession(
  { engine, invocation, project, selection, versions }: Plan,
  reporter: RunReporter,
): Promise<VitestSession> {
  const { options, rest } = invocation;
  const { workers = "auto" } = options;
  // Who watches wants to see changes of the harness, too.
  const fromSource = options.watch && project.isClone;
  return VitestSession.create({
    root: project.root,
    projects: selection.suites.flatMap((suite) =>
      projectsOf(suite, versions.map(String)).map((each) =>
        fromSource || suite === "harness" ? each : withBundledFixtures(each, PACKAGE_ROOT),
      ),
    ),
    reporters: [reporter],
    maxWorkers: workers === "auto" ? automaticWorkers(selection, engine) : workers,
    stopAtFirst: bailOf(options) === 1,
    interceptConsole: !options.stream,
    timeoutMs: options.timeout ?? (selection.suites.includes("performance") ? BENCHMARK_TIMEOUT_MS : undefined),
    shuffleSeed: options.seed,
    watch: options.watch,
    rest,
  });
}

/** Benchmarks take as long as they take. */
export const BENCHMARK_TIMEOUT_MS = 600_000;

/** Two benchmarks at a time would measure each other. */
const automaticWorkers = ({ suites }: Selection, { facts }: Engine): number =>
  suites.includes("performance") ? 1 : workersFor(thisMachine(), facts.environmentCost);

import { relative } from "node:path";
import type { Reporter, SerializedError, TestCase, TestModule, TestRunEndReason, TestSuite, Vitest } from "vitest/node";
import type { AttemptRecord, ErrorRecord, TestRecord } from "../../../harness/report";
import type { UserConsoleLog } from "vitest";
import { summarize, toSeries } from "../../../harness/benchmark/results";
import type { BenchmarkLine } from "../../../harness/benchmark/results";
import { hideSecrets } from "../../../harness/types";
import { fileOf, nameOf } from "../test-name";
import { StuckTests } from "../stuck-tests";
import { WorkerProcess } from "../vitest/worker-process";
import { ConsoleCapture } from "./console-capture";
import type { Display } from "./display";

interface Failure {
  readonly test: TestCase;
  readonly attempt: AttemptRecord;
}

interface OpenRecord extends TestRecord {
  readonly attempts: AttemptRecord[];
}

/** Listens to vitest: shows every test on the display and keeps a record of it. */
export class RunReporter implements Reporter {
  failures: Failure[] = [];
  counts = { passed: 0, failed: 0, skipped: 0 };
  /** Files that don't load, and suites whose beforeAll or afterAll failed. */
  broken: (TestModule | TestSuite)[] = [];
  errors: unknown[] = [];
  readonly #display: Display;
  readonly #console = new ConsoleCapture();
  readonly #records = new Map<string, OpenRecord>();
  readonly #expectedOf: (file: string) => number;
  readonly #expected = new Map<string, number>();
  #vitest: Vitest | undefined;
  #selected: ReadonlySet<string> | undefined;
  #seed = 0;
  readonly #stuck = new StuckTests(
    () => WorkerProcess.all(),
    (error) => this.errors.push(error),
  );
  #interrupted = false;
  #afterEachRun: (() => void) | undefined;
  #onFailure: (() => void) | undefined;

  /** `expectedOf` guesses how many tests a file has that was not loaded yet. */
  constructor(display: Display, expectedOf: (file: string) => number) {
    this.#display = display;
    this.#expectedOf = expectedOf;
  }

  /** Failed tests, files that don't load, and errors outside of any test. */
  get failed(): number {
    return this.counts.failed + this.broken.length + this.errors.length;
  }

  get interrupted(): boolean {
    return this.#interrupted;
  }

  get tests(): readonly TestRecord[] {
    return [...this.#records.values()];
  }

  get vitest(): Vitest | undefined {
    return this.#vitest;
  }

  /** Before each round. Vitest reports the other tests of a file as skipped; nobody asked for them. */
  beginRound(selected: ReadonlySet<string> | undefined, seed: number): void {
    this.#selected = selected;
    this.#seed = seed;
  }

  /** Called after each test that failed. */
  onFailure(action: () => void): void {
    this.#onFailure = action;
  }

  /** Where vitest itself begins one run after the other. */
  afterEachRun(action: () => void): void {
    this.#afterEachRun = action;
  }

  /** Begins anew, but for the records. */
  forget(): void {
    this.failures = [];
    this.counts = { passed: 0, failed: 0, skipped: 0 };
    this.broken = [];
    this.errors = [];
  }

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunStart(specifications: readonly { moduleId: string }[]): void {
    this.#expected.clear();
    for (const { moduleId } of specifications) this.#expected.set(moduleId, this.#expectedOf(moduleId));
    this.#tellExpected();
  }

  onTestModuleCollected(module: TestModule): void {
    this.#stuck.collected(module);
    const own = [...module.children.allTests()].filter((test) => this.#isSelected(test));
    this.#expected.set(module.moduleId, own.length);
    this.#tellExpected();
  }

  onTestCaseReady(test: TestCase): void {
    if (test.options.mode === "run" && this.#isSelected(test)) this.#display.started(nameOf(test));
  }

  onTestModuleEnd(module: TestModule): void {
    this.#stuck.ended(module);
  }

  onUserConsoleLog({ taskId, content, type }: UserConsoleLog): void {
    if (taskId !== undefined) this.#console.add(taskId, content);
    else this.#display.write(process[type], content);
  }

  onTestCaseResult(test: TestCase): void {
    const result = test.result();
    if (result.state === "pending" || !this.#isSelected(test)) return;
    const attempt = this.#attemptOf(test, result.state);
    this.#recordOf(test).attempts.push(attempt);
    this.counts[result.state] += 1;
    if (result.state === "failed") this.failures.push({ test, attempt });
    this.#display.ended({ name: nameOf(test), ...attempt });
    if (result.state === "failed") this.#onFailure?.();
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[], reason: TestRunEndReason): void {
    this.broken.push(...modules.flatMap((module) => [module, ...module.children.allSuites()]).filter(isBroken));
    this.errors.push(...errors);
    this.#interrupted ||= reason === "interrupted";
    this.#afterEachRun?.();
  }

  #isSelected(test: TestCase): boolean {
    const pattern = this.#vitest?.getGlobalTestNamePattern();
    if (pattern !== undefined && !pattern.test(test.fullName.split(" > ").join(" "))) return false;
    return this.#selected === undefined || this.#selected.has(test.id);
  }

  #attemptOf(test: TestCase, status: AttemptRecord["status"]): AttemptRecord {
    const result = test.result();
    const diagnostic = test.diagnostic();
    const { kept, evidence, running, row, benchmark } = test.meta().neonTest ?? {};
    return {
      status,
      startedAt: diagnostic?.startTime ?? Date.now(),
      durationMs: diagnostic?.duration ?? 0,
      seed: this.#seed,
      note: result.state === "skipped" ? result.note : undefined,
      measured: benchmark === undefined ? undefined : mediansOf(benchmark),
      errors: distinct((result.errors ?? []).map(errorRecord)),
      console: hideSecrets(this.#console.take(test.id)),
      kept: kept === undefined ? undefined : shortPath(kept),
      evidence,
      running,
      row,
    };
  }

  #recordOf(test: TestCase): OpenRecord {
    const fullName = nameOf(test);
    const known = this.#records.get(fullName);
    if (known !== undefined) return known;
    const record = {
      fullName,
      file: fileOf(test),
      suite: test.project.name,
      name: test.fullName,
      tags: test.tags,
      attempts: [],
    };
    this.#records.set(fullName, record);
    return record;
  }

  #tellExpected(): void {
    this.#display.expect([...this.#expected.values()].reduce((sum, each) => sum + each, 0));
  }
}

/** `insert [s]`; of a node, `pageserver-1: cpu [s of a core]`. */
function mediansOf(lines: readonly BenchmarkLine[]): Record<string, number> {
  const nameOf = ({ node, name, unit }: BenchmarkLine): string =>
    `${node === undefined ? "" : `${node}: `}${name} [${unit}]`;
  return Object.fromEntries(toSeries(lines, nameOf).map(({ key, values }) => [key, summarize(values).median]));
}

/** From where the person stands, if it is below. */
function shortPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") ? path : fromHere;
}

/** Vitest lists an error that a fixture throws twice. */
function distinct(errors: readonly ErrorRecord[]): ErrorRecord[] {
  return errors.filter(({ message }, index) => errors.findIndex((other) => other.message === message) === index);
}

const isBroken = (entity: TestModule | TestSuite): boolean => entity.errors().length > 0;

export function errorRecord(error: unknown): ErrorRecord {
  const { message, stack, diff } = error as { message?: string; stack?: string; diff?: string };
  const hidden = (text: string | undefined): string | undefined => (text === undefined ? undefined : hideSecrets(text));
  return { message: hideSecrets(message ?? String(error)), stack: hidden(stack), diff: hidden(diff) };
}

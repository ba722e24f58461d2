/** What is known of a run when it has ended: every report is made of this, and shards are merged by it. */
export interface RunRecord {
  /** Of this file's form; readers refuse others. */
  readonly version: 1;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** What was typed, e.g. `neon-test regress -n 2`. */
  readonly command: string;
  /** The engine, in one line. */
  readonly engine: string;
  readonly machine: string;
  readonly seed: number;
  /** `2/4`, where the run was a part. */
  readonly shard?: string | undefined;
  readonly tests: readonly TestRecord[];
  /** What went wrong outside of any test: files that do not load, errors of workers. */
  readonly errors: readonly ErrorRecord[];
  readonly isInterrupted: boolean;
}

export interface TestRecord {
  /** `regress/branching > a branch at the head …`, with `[v16]` where the run has several versions. */
  readonly fullName: string;
  /** Relative to the project. */
  readonly file: string;
  readonly suite: string;
  /** Name without the file. */
  readonly name: string;
  readonly tags: readonly string[];
  /** One per round. */
  readonly attempts: readonly AttemptRecord[];
}

export type TestStatus = "passed" | "failed" | "skipped";

export interface AttemptRecord {
  readonly status: TestStatus;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly seed: number;
  /** Why it was skipped. */
  readonly note?: string | undefined;
  readonly errors: readonly ErrorRecord[];
  /** What a benchmark has measured, by metric with its unit: the median, where there are several values. */
  readonly measured?: Readonly<Record<string, number>> | undefined;
  /** What it wrote to the console; the beginning, where it is long. */
  readonly console: string;
  /** Where its files were kept. */
  readonly kept?: string | undefined;
  /** What of it goes on running, and how to get there. */
  readonly running?: readonly string[] | undefined;
  /** The file with copies of its logs and events; in a report's folder, relative to it. */
  readonly evidence?: string | undefined;
  /** What it adds to a table of the whole run. */
  readonly row?: TableRow | undefined;
}

/** A row of a table that several tests fill: each driver's checks, say. */
export interface TableRow {
  /** Rows of the same title stand in one table. */
  readonly title: string;
  readonly name: string;
  /** Whether a terminal shows the cells' states (default), or what stands behind them. */
  readonly shows?: "states" | "details";
  readonly cells: readonly TableCell[];
}

export interface TableCell {
  readonly column: string;
  /** `ok` is good, `failed` bad, every other word neither. */
  readonly state: string;
  /** What stands behind the word; may be empty. */
  readonly detail: string;
}

export interface ErrorRecord {
  readonly message: string;
  readonly stack?: string | undefined;
  /** What vitest shows between expected and received. */
  readonly diff?: string | undefined;
}

/** Failed if any attempt failed, skipped if all were. */
export function statusOf(test: TestRecord): TestStatus {
  if (test.attempts.some(({ status }) => status === "failed")) return "failed";
  return test.attempts.every(({ status }) => status === "skipped") ? "skipped" : "passed";
}

/** Some rounds passed and some failed. */
export function isFlaky({ attempts }: TestRecord): boolean {
  return attempts.some(({ status }) => status === "failed") && attempts.some(({ status }) => status === "passed");
}

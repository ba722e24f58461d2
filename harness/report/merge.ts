import type { AttemptRecord, RunRecord, TestRecord } from "./run-record";

/** Several shards, or several runs, as one: attempts of the same test stand together. */
export function mergeRuns(runs: readonly RunRecord[]): RunRecord {
  const [first] = runs;
  if (first === undefined) throw new Error("nothing to merge");
  const tests = new Map<string, TestRecord & { attempts: AttemptRecord[] }>();
  for (const test of runs.flatMap((run) => run.tests)) {
    const known = tests.get(test.fullName);
    if (known === undefined) tests.set(test.fullName, { ...test, attempts: [...test.attempts] });
    else known.attempts.push(...test.attempts);
  }
  const distinct = (values: readonly string[]): string => [...new Set(values)].join("; ");
  return {
    version: 1,
    startedAt: Math.min(...runs.map((run) => run.startedAt)),
    endedAt: Math.max(...runs.map((run) => run.endedAt)),
    command: distinct(runs.map((run) => run.command)),
    engine: distinct(runs.map((run) => run.engine)),
    machine: distinct(runs.map((run) => run.machine)),
    seed: first.seed,
    shard: runs.length > 1 ? `${runs.length} merged` : first.shard,
    tests: [...tests.values()].toSorted((a, b) => (a.fullName < b.fullName ? -1 : 1)),
    errors: runs.flatMap((run) => run.errors),
    isInterrupted: runs.some((run) => run.isInterrupted),
  };
}

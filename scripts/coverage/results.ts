import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { RunRecord, TestRecord } from "../../harness/report";
import { COVERING_SUITES } from "./our-tests";

export const ENGINES = ["real", "embedded"] as const;

export type EngineKind = (typeof ENGINES)[number];

/** `passed`, `failed`, `skipped`, or `lacks smgr` for a test that needs what the engine hasn't. */
export type Outcome = string;

/** How each test of ours ended when it last ran, by engine and by name. */
export type Results = Readonly<Record<EngineKind, Readonly<Record<string, Outcome>>>>;

const PATH = fileURLToPath(new URL("results.json", import.meta.url));

export function readResults(): Results {
  return JSON.parse(readFileSync(PATH, "utf8")) as Results;
}

/** Takes over how the tests of a run ended; those that it didn't run stay as they were, those of no file of ours go. */
export function withRun(results: Results, run: RunRecord, isOurs: (file: string) => boolean): Results {
  const kind: EngineKind = run.engine.startsWith("embedded engine") ? "embedded" : "real";
  const ended = run.tests.filter(({ suite }) => COVERING_SUITES.includes(suite));
  const stillThere = Object.entries(results[kind]).filter(([name]) => isOurs(`${name.split(" > ")[0]}.test.ts`));
  const fresh = ended.map((test): [string, Outcome] => [test.fullName, outcomeOf(test)]);
  const merged = Object.entries({ ...Object.fromEntries(stillThere), ...Object.fromEntries(fresh) });
  return { ...results, [kind]: Object.fromEntries(merged.sort(([a], [b]) => (a < b ? -1 : 1))) };
}

export function writeResults(results: Results): void {
  writeFileSync(PATH, `${JSON.stringify(results, null, 2)}\n`);
}

function outcomeOf({ attempts }: TestRecord): Outcome {
  if (attempts.some(({ status }) => status === "failed")) return "failed";
  if (attempts.some(({ status }) => status === "passed")) return "passed";
  const lacks = /engine lacks ([^:]+):/.exec(attempts[0]?.note ?? "")?.[1];
  return lacks === undefined ? "skipped" : `lacks ${lacks}`;
}

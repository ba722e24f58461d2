import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { HarnessError } from "../../harness/types";

const pathOf = (projectRoot: string): string =>
  join(projectRoot, "node_modules", ".cache", "neon-test", "last-failed.json");

/** The full names of the tests that failed in the last run here. Throws UNKNOWN_TEST when none did. */
export function readLastFailed(projectRoot: string): ReadonlySet<string> {
  const path = pathOf(projectRoot);
  const names = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as string[]) : undefined;
  if (names !== undefined && names.length > 0) return new Set(names);
  throw new HarnessError("UNKNOWN_TEST", {
    summary: "--last-failed has nothing to run",
    expected: "a test that failed in the last run",
    found: names === undefined ? "no record of a run" : "every test passed",
  });
}

/** A run that was cut short keeps what failed before and was not run again. */
export function writeLastFailed(projectRoot: string, failed: readonly string[], passed: ReadonlySet<string>): void {
  const path = pathOf(projectRoot);
  const before = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as string[]) : [];
  const still = before.filter((name) => !passed.has(name));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify([...new Set([...still, ...failed])].toSorted()));
}

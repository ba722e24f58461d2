import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * What an original test is made of. S: SQL and nodes that start and stop; H: documented HTTP, too; C: the storage
 * controller's API, too; O: logs, metrics or files, too; P: the proxy; F: failpoints inside Neon; I: other internals of
 * Neon; X: never runs, not even there.
 */
export type Bucket = "S" | "H" | "C" | "O" | "P" | "F" | "I" | "X";

export interface OriginalTest {
  readonly bucket: Bucket;
  /** Why there is no test of ours, where there is a reason; one of ours overrules it. */
  readonly without?: string;
}

export interface OriginalFile {
  /** What the file's tests are about. */
  readonly about: string;
  readonly tests: Readonly<Record<string, OriginalTest>>;
}

/** The test files of Neon's Python suite `regress`, by name. */
export type OriginalTests = Readonly<Record<string, OriginalFile>>;

export function readOriginalTests(): OriginalTests {
  const path = fileURLToPath(new URL("original-tests.json", import.meta.url));
  return JSON.parse(readFileSync(path, "utf8")) as OriginalTests;
}

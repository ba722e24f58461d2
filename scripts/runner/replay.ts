import type { TestCase } from "vitest/node";
import { fileOf } from "./test-name";

/** The command that runs this test again with the same ids. */
export function replayCommand(test: TestCase, seed: number): string {
  const words = test.fullName.split(" > ").at(-1) ?? test.name;
  // A keyword can't have a quote of its own kind in it, and a shell's would need care.
  const keyword = /["'`$\\!]/.test(words) ? "" : ` -k '"${words}"'`;
  const version = / v(\d+)$/.exec(test.project.name)?.[1];
  return `neon-test ${fileOf(test)}${keyword}${version === undefined ? "" : ` --pg-version ${version}`} --seed ${seed}`;
}

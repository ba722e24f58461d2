import type { TestCase } from "vitest/node";
import type { Durations } from "./durations";
import { fileOf, nameOf } from "./test-name";

/** `--list`: one name a line and their number, or with `--json` an array of what is known of each. */
export function printList(tests: readonly TestCase[], asJson: boolean, durations: Durations): number {
  const text = asJson
    ? JSON.stringify(
        tests.map((test) => describe(test, durations)),
        null,
        2,
      )
    : plain(tests);
  process.stdout.write(`${text}\n`);
  return 0;
}

const plain = (tests: readonly TestCase[]): string =>
  [...tests.map((test) => nameOf(test)), `${tests.length} tests`].join("\n");

function describe(test: TestCase, durations: Durations) {
  return {
    fullName: nameOf(test),
    suite: test.project.name,
    file: fileOf(test),
    name: test.fullName,
    tags: test.tags,
    requires: test.meta().requires ?? [],
    expectedSeconds: durations.of(nameOf(test)),
  };
}

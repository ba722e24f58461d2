import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PACKAGE_ROOT } from "../project";
import { MUTANTS } from "./list";
import { occurrences, plant } from "./mutant";

const read = (path: string): string => readFileSync(join(PACKAGE_ROOT, path), "utf8");

test.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))("%s fits into the source", (_name, mutant) => {
  expect(occurrences(read(mutant.file), mutant), "its text stands once in the file").toBe(1);
  expect(plant(read(mutant.file), mutant)).not.toBe(read(mutant.file));
  expect(existsSync(join(PACKAGE_ROOT, mutant.caughtBy.file)), mutant.caughtBy.file).toBe(true);
});

test("every bug has a name of its own", () => {
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
});

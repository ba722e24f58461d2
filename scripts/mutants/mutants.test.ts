import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PACKAGE_ROOT } from "../project";
import { MUTANTS } from "./list";
import { occurrences, plant } from "./mutant";

const read = (path: string): string => readFileSync(join(PACKAGE_ROOT, path), "utf8");

test.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))("%s fits into the source", (_name, mutant) => {
  expect(occurrences(read(mutant.file), mutant), "its text stands once in the file").toBe(1);
  expect(plant(read(mutant.file), mutant)).not.toBe(read(mutant.file));
});

test.each(MUTANTS.map(({ name, caughtBy }) => [name, caughtBy] as const))(
  "%s: its test is there",
  (_name, caughtBy) => {
    const titles = [...read(caughtBy.file).matchAll(/"((?:[^"\\\n]|\\.)+)"/g)].map(([, title = ""]) => title);
    // Before the test's title stand those of the describes that it is in.
    const endsWith = (title: string) => new RegExp(`(^| )${pattern(title)}$`).test(caughtBy.test);
    expect(titles.filter((title) => title.length > 10 && endsWith(title))).not.toEqual([]);
  },
);

/** A title as vitest fills it in. */
const pattern = (title: string): string =>
  title.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(/%[sdifj]/g, ".+");

test("every bug has a name of its own", () => {
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
});

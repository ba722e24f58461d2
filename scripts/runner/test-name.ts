import type { TestCase } from "vitest/node";

/** Relative to the project. */
export const fileOf = (test: TestCase): string => test.module.relativeModuleId;

/** `regress/branching > a branch sees …`, with the Postgres version where the run has several. */
export function nameOf(test: TestCase): string {
  const version = / v\d+$/.exec(test.project.name)?.[0] ?? "";
  const ending = version === "" ? "" : ` [${version.trim()}]`;
  return `${stemOf(fileOf(test))} > ${test.fullName}${ending}`;
}

/** `regress/branching` of `regress/branching.test.ts`. */
export const stemOf = (file: string): string => file.replace(/\.test\.ts$/, "");

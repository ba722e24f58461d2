// Vitest reads this with its configuration, natively: so the imports have their extensions.
import type { TestProjectInlineConfiguration } from "vitest/config";
import { TAGS } from "../../../fixtures/tag-names.ts";
import { FOREIGN_SUITE } from "./suites.ts";
import type { Suite } from "./suites.ts";

/** What holds for every test, whoever starts vitest. */
export const COMMON = {
  pool: "forks" as const,
  isolate: false,
  testTimeout: 120_000,
  hookTimeout: 60_000,
  teardownTimeout: 60_000,
  retry: 0,
  tags: TAGS.map((tag) => ({ ...tag })),
};

export type VitestProject = TestProjectInlineConfiguration & { test: { name: string } };

const INCLUDE: Partial<Record<Suite, string[]>> = {
  harness: ["harness/**/*.test.ts", "scripts/**/*.test.ts"],
  [FOREIGN_SUITE]: ["**/*.test.ts"],
};

/** One project per suite, or per suite and Postgres version where several are asked for. */
export function projectsOf(suite: Suite, versions: readonly string[]): VitestProject[] {
  const include = INCLUDE[suite] ?? [`${suite}/**/*.test.ts`];
  const project = (name: string, pgVersion: string): VitestProject => ({
    test: { ...COMMON, name, include, provide: { pgVersion } },
  });
  if (suite === "harness") return [project(suite, "")];
  const [only = ""] = versions;
  return versions.length <= 1
    ? [project(suite, only)]
    : versions.map((version) => project(`${suite} v${version}`, version));
}

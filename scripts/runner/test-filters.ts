import type { TestCase } from "vitest/node";
import type { TestInvocation } from "./test-options";
import { parseExpression } from "./expression";
import { nameOf } from "./test-name";

/** What leaves tests out, and its words for when it leaves out all of them. */
export interface TestFilter {
  readonly option: string;
  readonly keeps: (test: TestCase) => boolean;
}

/** For -k: words are parts of a name, in either case. */
export function nameHas(name: string): (word: string) => boolean {
  const lower = name.toLowerCase();
  return (word) => lower.includes(word.toLowerCase());
}

/** Throws BAD_ARGUMENT for an expression that can't be read. */
export function filtersOf(
  { keyword, tags }: TestInvocation["options"],
  lastFailed?: ReadonlySet<string>,
): TestFilter[] {
  const filters: TestFilter[] = [];
  if (keyword !== undefined) {
    const matches = parseExpression("-k", keyword);
    filters.push({ option: `-k ${JSON.stringify(keyword)}`, keeps: (test) => matches(nameHas(nameOf(test))) });
  }
  if (tags !== undefined) {
    const matches = parseExpression("--tags", tags);
    filters.push({
      option: `--tags ${JSON.stringify(tags)}`,
      keeps: (test) => matches((word) => test.tags.includes(word)),
    });
  }
  if (lastFailed !== undefined)
    filters.push({ option: "--last-failed", keeps: (test) => lastFailed.has(nameOf(test)) });
  return filters;
}

import { existsSync, readdirSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { HarnessError } from "../../harness/types";

export const SUITES = ["regress", "performance", "pg_clients", "harness"] as const;

export type Suite = (typeof SUITES)[number];

/** Folders whose tests belong to the suite of another name. */
const BELONGS_TO: Readonly<Record<string, Suite>> = { scripts: "harness" };

export interface Selection {
  suites: Suite[];
  /** Path filters for vitest, relative to the project; empty for whole suites. */
  filters: string[];
}

/** Suites, files and folders as they were typed; nothing typed means `regress`. Throws UNKNOWN_SUITE. */
export function selectSuites(projectRoot: string, positionals: readonly string[], cwd: string): Selection {
  if (positionals.length === 0) return { suites: ["regress"], filters: [] };
  const suites = new Set<Suite>();
  const filters: string[] = [];
  for (const text of positionals) {
    const name = text.replace(/\/$/, "");
    const suite = SUITES.find((each) => each === name);
    if (suite !== undefined) {
      suites.add(suite);
      filters.push(`${suite}/`);
      continue;
    }
    const path = pathOf(projectRoot, text, cwd);
    const owner = ownerOf(path);
    if (path === undefined || owner === undefined) throw unknownSuite(projectRoot, text);
    suites.add(owner);
    filters.push(path);
  }
  const wholeOnly = filters.every((filter) => SUITES.some((each) => filter === `${each}/`));
  return { suites: [...suites], filters: wholeOnly ? [] : filters };
}

/** Throws UNKNOWN_TEST for a suite that has no test file: a run of nothing must not look like a success. */
export function requireTests(projectRoot: string, suites: readonly Suite[]): void {
  const empty = suites.filter((suite) => !hasTestFile(resolve(projectRoot, suite)));
  if (empty.length === 0) return;
  throw new HarnessError("UNKNOWN_TEST", {
    summary: `there are no tests in ${empty.join(", ")} yet`,
    expected: "a suite with *.test.ts files",
    found: "none",
    todo: "choose another suite; see `neon-test --list`",
  });
}

function ownerOf(path: string | undefined): Suite | undefined {
  const [folder = ""] = path?.split("/") ?? [];
  return BELONGS_TO[folder] ?? SUITES.find((suite) => suite === folder);
}

function hasTestFile(dir: string): boolean {
  return (
    existsSync(dir) && readdirSync(dir, { recursive: true, encoding: "utf8" }).some((name) => name.endsWith(".test.ts"))
  );
}

/** The path below the project, wherever the command was started; `.test.ts` may be left out. */
function pathOf(projectRoot: string, text: string, cwd: string): string | undefined {
  const candidates = [cwd, projectRoot].flatMap((base) => [resolve(base, text), resolve(base, `${text}.test.ts`)]);
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined) return undefined;
  const path = relative(projectRoot, found);
  return statSync(found).isDirectory() ? `${path}/` : path;
}

function unknownSuite(projectRoot: string, text: string): HarnessError {
  const files = readdirSync(resolve(projectRoot, "regress")).filter((name) => name.endsWith(".test.ts"));
  return new HarnessError("UNKNOWN_SUITE", {
    summary: `there is no suite, file or folder ${JSON.stringify(text)}`,
    expected: `a suite (${SUITES.join(", ")}) or a path, e.g. ${files
      .slice(0, 3)
      .map((file) => `regress/${file}`)
      .join(", ")}`,
    found: text,
    todo: "see `neon-test --list`; tests are chosen by name with -k",
  });
}

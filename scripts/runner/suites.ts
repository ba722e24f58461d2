import { existsSync, readdirSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { HarnessError } from "../../harness/types";
import type { Project } from "../project";
import { FOREIGN_SUITE, SUITES } from "./vitest/suites.ts";
import type { Suite } from "./vitest/suites.ts";

/** Folders whose tests belong to the suite of another name. */
const BELONGS_TO: Readonly<Record<string, Suite>> = { scripts: "harness" };

export interface Selection {
  suites: Suite[];
  /** Path filters for vitest, relative to the project; empty for whole suites. */
  filters: string[];
}

/** Suites, files and folders as they were typed; nothing typed means `regress`, or all. Throws UNKNOWN_SUITE. */
export function selectSuites(project: Project, positionals: readonly string[], cwd: string): Selection {
  if (!project.isClone)
    return { suites: [FOREIGN_SUITE], filters: positionals.map((text) => pathIn(project, text, cwd)) };
  if (positionals.length === 0) return { suites: ["regress"], filters: [] };
  const suites = new Set<Suite>();
  const filters: string[] = [];
  for (const text of positionals) {
    const name = text.replace(/\/$/, "");
    const suite = SUITES.find((each) => each === name);
    const path = suite === undefined ? pathIn(project, text, cwd) : `${suite}/`;
    const owner = suite ?? ownerOf(path);
    if (owner === undefined) throw unknownSuite(project, text);
    suites.add(owner);
    filters.push(path);
  }
  const wholeOnly = filters.every((filter) => SUITES.some((each) => filter === `${each}/`));
  return { suites: [...suites], filters: wholeOnly ? [] : filters };
}

/** Throws UNKNOWN_TEST for a suite that has no test file: a run of nothing must not look like a success. */
export function requireTests(project: Project, suites: readonly Suite[]): void {
  const empty = suites.filter(
    (suite) => !hasTestFile(suite === FOREIGN_SUITE ? project.root : resolve(project.root, suite)),
  );
  if (empty.length === 0) return;
  throw new HarnessError("UNKNOWN_TEST", {
    summary: `there are no tests in ${empty.join(", ")} yet`,
    expected: "a suite with *.test.ts files",
    found: "none",
    todo: "choose another suite; see `neon-test --list`",
  });
}

function ownerOf(path: string): Suite | undefined {
  const [folder = ""] = path.split("/");
  return BELONGS_TO[folder] ?? SUITES.find((suite) => suite === folder);
}

function hasTestFile(dir: string): boolean {
  if (!existsSync(dir)) return false;
  return readdirSync(dir, { withFileTypes: true }).some((entry) => {
    if (entry.isDirectory()) return entry.name !== "node_modules" && hasTestFile(resolve(dir, entry.name));
    return entry.name.endsWith(".test.ts");
  });
}

/** The path below the project, wherever the command was started; `.test.ts` may be left out. Throws UNKNOWN_SUITE. */
function pathIn(project: Project, text: string, cwd: string): string {
  const candidates = [cwd, project.root].flatMap((base) => [resolve(base, text), resolve(base, `${text}.test.ts`)]);
  const found = candidates.find((path) => existsSync(path));
  const path = found === undefined ? undefined : relative(project.root, found);
  if (found === undefined || path === undefined || path.startsWith("..")) throw unknownSuite(project, text);
  if (!statSync(found).isDirectory()) return path;
  return path === "" ? "" : `${path}/`;
}

function unknownSuite(project: Project, text: string): HarnessError {
  const folder = project.isClone ? "regress" : "";
  const files = readdirSync(resolve(project.root, folder)).filter((name) => name.endsWith(".test.ts"));
  const examples = files.slice(0, 3).map((file) => (folder === "" ? file : `${folder}/${file}`));
  const suites = project.isClone ? `a suite (${SUITES.join(", ")}) or ` : "";
  return new HarnessError("UNKNOWN_SUITE", {
    summary: `there is no suite, file or folder ${JSON.stringify(text)}`,
    expected: `${suites}a path, e.g. ${examples.join(", ")}`,
    found: text,
    todo: "see `neon-test --list`; tests are chosen by name with -k",
  });
}

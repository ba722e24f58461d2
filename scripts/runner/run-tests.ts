import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { prepareEngine } from "../../harness/engine";
import type { Engine } from "../../harness/engine";
import { requireOutputDirectory } from "../../harness/env";
import { beginRun } from "../../harness/process";
import { HarnessError, PgVersion } from "../../harness/types";
import { collectTests } from "./collect";
import type { CollectedTest } from "./collect";
import { CtrlC } from "./ctrl-c";
import { parseKeyword } from "./keyword";
import type { KeywordMatcher } from "./keyword";
import { PROJECT_ROOT } from "../project";
import { requireTests, selectSuites } from "./suites";
import type { Selection } from "./suites";
import type { TestInvocation, TestOptions } from "./test-options";
import { chooseVersions } from "./versions";

/** Runs the chosen tests in vitest and returns the exit code. */
export async function runTests({ options, positionals, rest }: TestInvocation): Promise<number> {
  const selection = selectSuites(PROJECT_ROOT, positionals, process.cwd());
  requireTests(PROJECT_ROOT, selection.suites);
  const matches = options.keyword === undefined ? undefined : parseKeyword(options.keyword);
  // From here on everything that is started dies with this process, vitest included, whatever ends it.
  const run = await beginRun();
  const ctrlC = new CtrlC();
  let code: number | undefined;
  try {
    code = await runSelected({ options, rest }, selection, matches, ctrlC);
  } catch (error) {
    // Half-done work complains when it is interrupted.
    if (!ctrlC.pressed) throw error;
  } finally {
    // Where vitest itself was killed, or is broken, what its tests left is no fault of theirs.
    await run.finish({ interrupted: ctrlC.pressed || code !== 0 });
  }
  return ctrlC.pressed ? 130 : (code ?? 1);
}

type Asked = Pick<TestInvocation, "options" | "rest">;

async function runSelected(
  { options, rest }: Asked,
  selection: Selection,
  matches: KeywordMatcher | undefined,
  ctrlC: CtrlC,
): Promise<number> {
  // A relative one is meant from where the command was typed; vitest runs in the project.
  const output = process.env["TEST_OUTPUT"];
  if (output) process.env["TEST_OUTPUT"] = resolve(output);
  requireOutputDirectory(process.env["TEST_OUTPUT"] || join(PROJECT_ROOT, "test_output"));
  const engine = await prepareEngine();
  const versions = chooseVersions(engine, options.pgVersion);
  process.env["NEON_TEST_PG_VERSIONS"] = versions.join(",");
  process.stdout.write(`${firstLine(engine, versions)}\n`);

  const args = projectArguments(selection, versions);
  const running = runArguments(options, rest);
  if (matches === undefined && !options.list) return vitest([...args, ...running], options, ctrlC);
  const tests = await collectTests(PROJECT_ROOT, args);
  const chosen = matches === undefined ? tests : tests.filter((test) => matches(test.fullName));
  if (chosen.length === 0) throw unknownTest(options.keyword ?? "", tests);
  if (options.list) {
    process.stdout.write(`${chosen.map((test) => test.fullName).join("\n")}\n${chosen.length} tests\n`);
    return 0;
  }
  return vitest([...exactly(chosen, args), ...running], options, ctrlC);
}

function firstLine(engine: Engine, versions: readonly PgVersion[]): string {
  const user = engine.facts.identity === undefined ? "" : `, nodes run as ${engine.facts.identity.name}`;
  const running = versions.map((version) => PgVersion.dirName(version)).join(", ");
  return `neon-test: ${engine.describe()}; running on ${running}, storage local_fs${user}`;
}

function projectArguments(selection: Selection, versions: readonly PgVersion[]): string[] {
  const names = selection.suites.flatMap((suite) =>
    suite === "harness" || versions.length <= 1 ? [suite] : versions.map((version) => `${suite} v${version}`),
  );
  return [...names.map((name) => `--project=${name}`), ...selection.filters];
}

function runArguments(options: TestOptions, rest: readonly string[]): string[] {
  const { workers = "auto" } = options;
  return [
    "--reporter=./scripts/runner/reporter.ts",
    // Vitest's own default leaves a core idle; tests here mostly wait for processes.
    `--maxWorkers=${workers === "auto" ? availableParallelism() : workers}`,
    ...(options.exitfirst ? ["--bail=1"] : []),
    ...(options.stream ? ["--disable-console-intercept"] : []),
    ...rest,
  ];
}

/** Files and a pattern that select just these tests. */
function exactly(tests: readonly CollectedTest[], args: readonly string[]): string[] {
  const projects = args.filter((arg) => arg.startsWith("--project="));
  const files = [...new Set(tests.map((test) => test.file))];
  const names = tests.map((test) => test.name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return [...projects, ...files, `--testNamePattern=^(?:${[...new Set(names)].join("|")})$`];
}

/** It tears down on Ctrl-C by itself, and we wait for it. */
async function vitest(args: readonly string[], options: TestOptions, ctrlC: CtrlC): Promise<number> {
  if (ctrlC.pressed) return 130;
  const child = execa("node", ["node_modules/vitest/vitest.mjs", "run", ...args], {
    cwd: PROJECT_ROOT,
    stdio: "inherit",
    reject: false,
    cleanup: false,
    detached: true,
    env: {
      ...(options.preserveDatabaseFiles ? { NEON_TEST_PRESERVE_DATABASE_FILES: "1" } : {}),
      ...(options.stream ? { NEON_TEST_STREAM_LOGS: "1" } : {}),
    },
  });
  ctrlC.passTo(child);
  return (await child).exitCode ?? 1;
}

function unknownTest(keyword: string, tests: readonly CollectedTest[]): HarnessError {
  return new HarnessError("UNKNOWN_TEST", {
    summary: `no test matches ${JSON.stringify(keyword)}`,
    expected: "an expression that matches a file or a test name",
    found: `${tests.length} tests, e.g. ${tests
      .slice(0, 3)
      .map((test) => test.fullName)
      .join("; ")}`,
    todo: "see `neon-test --list`",
  });
}

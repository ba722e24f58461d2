import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { makeNodeDirectory, runTool } from "../nodes";
import type { NodeContext, SqlRow } from "../nodes";
import { HarnessError, messageOfUnknown } from "../types";
import type { RegressSuite } from "./regress-suite";
import { countOf, parseDiffs, parseResults } from "./results";
import type { TestFiles } from "./test-files";
import type { RunOutput } from "./verdict";

/** The Postgres that the tests run on: an endpoint, or a plain one. */
export interface RegressTarget {
  readonly connstr: string;
  query(text: string): Promise<SqlRow[]>;
}

export interface RegressGround {
  readonly context: NodeContext;
  readonly files: TestFiles;
  /** Made here; keeps what the tests wrote, and regression.diffs. */
  readonly directory: string;
  readonly timeoutMs: number;
}

/**
 * Runs all of a suite's schedule by PostgreSQL's own program, in a database that it makes. Throws BAD_ENV where the server
 * can't load the tests' library, COMMAND_FAILED where the program did not get to any test.
 */
export async function runSchedule(
  suite: RegressSuite,
  target: RegressTarget,
  ground: RegressGround,
): Promise<RunOutput> {
  const { context, files, directory } = ground;
  // Before 15 the tests of tablespaces want this folder.
  for (const path of [directory, join(directory, "testtablespace")]) makeNodeDirectory(context, path);
  await requireLibraries(suite, target, files);
  await target.query(`create database ${suite.database}`);
  const [row] = await target.query("select version()");
  const { stdout, stderr, exitCode } = await runTool(context, files.program, argumentsOf(suite, files), {
    cwd: directory,
    environment: { ...files.psql.environment, ...connectionOf(target) },
    timeoutMs: ground.timeoutMs,
    check: false,
  });
  const results = parseResults(stdout);
  const saysSo = exitCode === (results.every(({ passed }) => passed) ? 0 : 1) && results.length === countOf(stdout);
  if (!saysSo || results.length === 0) throw didNotRun(suite, stdout + stderr, exitCode);
  const path = join(directory, DIFFS);
  const diffs = parseDiffs(existsSync(path) ? readFileSync(path, "utf8") : "");
  return { suite: suite.name, server: String(row?.["version"]), results, diffs };
}

/** What pg_regress leaves in its directory where tests fail. */
export const DIFFS = "regression.diffs";

function argumentsOf({ schedule }: RegressSuite, files: TestFiles): string[] {
  return [
    "--use-existing",
    `--bindir=${files.psql.directory}`,
    `--dlpath=${files.libraryDirectory}`,
    `--inputdir=${files.inputDirectory}`,
    `--schedule=${join(files.inputDirectory, schedule)}`,
  ];
}

function connectionOf({ connstr }: RegressTarget): Record<string, string> {
  const { hostname, port, username } = new URL(connstr);
  return { PGHOST: hostname, PGPORT: port, PGUSER: username };
}

/** One that was built for another server would make a hundred tests fail, each with a reason of its own. */
async function requireLibraries(suite: RegressSuite, target: RegressTarget, files: TestFiles): Promise<void> {
  for (const name of suite.program.needs.filter((each) => each.endsWith(".so"))) {
    const path = join(files.libraryDirectory, name);
    try {
      await target.query(`load '${path.replaceAll("'", "''")}'`);
    } catch (error) {
      throw new HarnessError("BAD_ENV", {
        summary: `the server can't load ${path}`,
        expected: "a library that was built for the server under test",
        found: messageOfUnknown(error),
        todo: "build the test files for this Postgres, and name them with PG_REGRESS_DIR: see sql/README.md",
      });
    }
  }
}

function didNotRun(suite: RegressSuite, output: string, exitCode: number): HarnessError {
  return new HarnessError("COMMAND_FAILED", {
    summary: `${suite.program.name} could not run all of its tests`,
    expected: "exit code 0, or 1 with the tests that failed, and as many results as it says",
    found: `exit code ${exitCode}`,
    logTail: output,
    facts: { program: suite.program.name, exitCode },
  });
}

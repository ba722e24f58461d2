import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { Engine } from "../engine";
import { identity, makeTestDirectory } from "../testing";
import type { NodeContext } from "../nodes";
import { HarnessError } from "../types";
import { runSchedule } from "./regress-run";
import { REGRESS_SUITES } from "./regress-suite";
import { findTestFiles } from "./test-files";

const core = REGRESS_SUITES.core;
let root: string;
let context: NodeContext;

beforeEach(() => {
  root = makeTestDirectory("pg-regress");
  const facts = { ...({} as Engine["facts"]), pgDistribDir: join(root, "distribution"), identity };
  [statements, refused] = [[], undefined];
  context = { engine: new Engine(facts), repoDir: root, environment: {} };
});

/** A build outside of its source, whose programs are scripts. */
function makeTree(name: string, { version = "17.2", psql = "17.2", regress = "exit 0" } = {}): string {
  const [source, build] = [join(root, name, "source"), join(root, name, "build")];
  write(join(source, "configure"), `PACKAGE_VERSION='${version}'\n`);
  write(join(source, "src/test/regress/parallel_schedule"), "test: boolean\n");
  write(join(build, "src/Makefile.global"), `abs_top_srcdir = ${source}\n`);
  write(join(build, "src/test/regress/pg_regress"), `#!/bin/sh\n${regress}\n`);
  write(join(build, "src/test/regress/regress.so"), "");
  write(join(build, "src/interfaces/libpq/libpq.so.5"), "");
  write(join(build, "src/bin/psql/psql"), `#!/bin/sh\necho "psql (PostgreSQL) ${psql}"\n`);
  return build;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

const find = (env: NodeJS.ProcessEnv) => findTestFiles(core, context, 17, env);

test("a build knows its source, and has the psql of its version", async () => {
  const build = makeTree("v17");
  const expected = {
    version: "17.2",
    inputDirectory: join(root, "v17/source/src/test/regress"),
    program: join(build, "src/test/regress/pg_regress"),
    psql: { directory: join(build, "src/bin/psql") },
  };
  expect(await find({ PG_REGRESS_DIR: build })).toMatchObject(expected);
  expect(await find({ PG_REGRESS_DIR: join(build, "src/test/regress") })).toMatchObject(expected);
});

test("PG_REGRESS_DIR may have a folder per version", async () => {
  const build = makeTree("v17");
  mkdirSync(join(root, "versions"));
  renameSync(build, join(root, "versions/v17"));
  expect(await find({ PG_REGRESS_DIR: join(root, "versions") })).toMatchObject({ version: "17.2" });
});

test("Neon's make leaves the build beside the versions", async () => {
  const build = makeTree("any");
  mkdirSync(join(root, "pg_install/build"), { recursive: true });
  renameSync(build, join(root, "pg_install/build/v17"));
  expect(await find({ POSTGRES_DISTRIB_DIR: join(root, "pg_install") })).toMatchObject({ version: "17.2" });
});

test("nothing given is a reason to skip, which says what to give", async () => {
  expect(await find({})).toEqual({ skip: expect.stringMatching(/no test files of PostgreSQL 17: PG_REGRESS_DIR/) });
  const { skip } = { skip: "", ...(await find({ POSTGRES_DISTRIB_DIR: root })) };
  expect(skip).toContain("sql/README.md");
});

test("a psql of another version is none, for what it shows is another", async () => {
  const build = makeTree("v17", { psql: "15.3" });
  const { skip } = { skip: "", ...(await find({ PG_REGRESS_DIR: build })) };
  expect(skip).toMatch(/^no psql 17: .*src\/bin\/psql\/psql is 15\.3/);
});

test.for([
  {
    name: "is not there",
    spoil: (build: string) => rmSync(build, { recursive: true }),
    says: "there is no src/test/regress/parallel_schedule",
  },
  {
    name: "has no schedule",
    spoil: (build: string) => rmSync(join(build, "src/Makefile.global")),
    says: "parallel_schedule",
  },
  {
    name: "has no library",
    spoil: (build: string) => rmSync(join(build, "src/test/regress/regress.so")),
    says: "no src/test/regress/regress.so: run make",
  },
  {
    name: "has no program",
    spoil: (build: string) => rmSync(join(build, "src/test/regress/pg_regress")),
    says: "no src/test/regress/pg_regress: run make",
  },
  {
    name: "is of another version",
    spoil: (build: string) => write(join(build, "../source/configure"), "PACKAGE_VERSION='16.1'\n"),
    says: "its tests are of PostgreSQL 16.1, not 17",
  },
])("a PG_REGRESS_DIR that $name is one error", async ({ spoil, says }) => {
  const build = makeTree("v17");
  spoil(build);
  const error = await find({ PG_REGRESS_DIR: build }).catch((thrown: unknown) => thrown);
  expect(HarnessError.is(error, "BAD_ENV"), String(error)).toBe(true);
  expect(String(error)).toContain(says);
});

test("what only we can read is staged for the nodes' user", async () => {
  if (identity === undefined) return;
  const build = makeTree("v17", { regress: "echo 'ok 1         - boolean     1 ms\\n1..1'" });
  chmodSync(join(root, "v17"), 0o700);
  expect(await run(build)).toMatchObject({ results: [{ test: "boolean", passed: true }] });
});

/** The program sees where the Postgres is, and where the files are. */
const SEES = `
[ "$PGHOST:$PGPORT:$PGUSER" = 127.0.0.1:5432:cloud_admin ] || exit 2
case "$*" in *--use-existing*--inputdir=*source/src/test/regress*--schedule=*/parallel_schedule*) ;; *) exit 2;; esac
[ -d testtablespace ] || exit 2`;

test("a run in which all tests pass", async () => {
  const build = makeTree("v17", { regress: `${SEES}\necho 'ok 1         - boolean     1 ms\\n1..1'` });
  const server = "PostgreSQL 17.2 on x86_64";
  const results = [{ test: "boolean", passed: true }];
  expect(await run(build)).toEqual({ suite: "core", server, results, diffs: new Map() });
  expect(statements).toEqual([
    expect.stringMatching(/^load '.*regress\.so'/),
    "create database regression",
    "select version()",
  ]);
});

test("a run in which a test fails has what differs", async () => {
  const diff = String.raw`diff -U3 /s/expected/boolean.out /o/results/boolean.out\n@@ -1 +1 @@\n-t\n+f\n`;
  const script = `printf '${diff}' > regression.diffs\necho 'not ok 1         - boolean     1 ms\\n1..1'\nexit 1`;
  const output = await run(makeTree("v17", { regress: script }));
  expect(output.results).toEqual([{ test: "boolean", passed: false }]);
  expect(output.diffs).toEqual(new Map([["boolean", "@@ -1 +1 @@\n-t\n+f"]]));
});

test.for([
  {
    name: "ends with 2",
    regress: "echo 'could not exec psql' >&2; exit 2",
    says: /exit code 2[^]*could not exec psql/,
  },
  {
    name: "fails, though each test has passed,",
    regress: "echo 'ok 1    - boolean     1 ms\\n1..1'; exit 1",
    says: /exit code 1/,
  },
  { name: "has run more than it tells", regress: "echo 'ok 1    - boolean     1 ms\\n1..2'", says: /exit code 0/ },
  { name: "runs no test", regress: "echo '1..0'", says: /exit code 0[^]*1\.\.0/ },
])("a program that $name has not passed", async ({ regress, says }) => {
  const error = await run(makeTree("v17", { regress })).catch((thrown: unknown) => thrown);
  expect(HarnessError.is(error, "COMMAND_FAILED"), String(error)).toBe(true);
  expect(String(error)).toMatch(says);
});

test("a library that the server can't load is one error, not a hundred failed tests", async () => {
  refused = "incompatible library: ABI mismatch";
  const error = await run(makeTree("v17")).catch((thrown: unknown) => thrown);
  expect(HarnessError.is(error, "BAD_ENV"), String(error)).toBe(true);
  expect(String(error)).toMatch(/regress\.so\n[^]*incompatible library: ABI mismatch/);
});

let statements: string[];
let refused: string | undefined;

/** Runs the suite on a server that accepts everything. */
async function run(build: string) {
  const files = await find({ PG_REGRESS_DIR: build });
  if ("skip" in files) throw new Error(files.skip);
  const query = async (text: string) => {
    statements.push(text);
    if (refused !== undefined) throw new Error(refused);
    return Promise.resolve([{ version: "PostgreSQL 17.2 on x86_64" }]);
  };
  const target = { connstr: "postgresql://cloud_admin@127.0.0.1:5432/postgres", query };
  return runSchedule(core, target, { context, files, directory: join(root, "out"), timeoutMs: 10_000 });
}

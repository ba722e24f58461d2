import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { NodeContext } from "../nodes";
import { stage } from "../process";
import { HarnessError, PgVersion } from "../types";
import { majorOf, openBuildTree } from "./build-tree";
import type { BuildTree, NoBuildTree } from "./build-tree";
import { findPsql } from "./psql";
import type { Psql } from "./psql";
import type { RegressSuite } from "./regress-suite";

type Environment = NodeJS.ProcessEnv;

/** All that pg_regress needs, where the nodes' user can read it. */
export interface TestFiles {
  /** PostgreSQL's version that the expected output is of: `17.2`. */
  readonly version: string;
  readonly inputDirectory: string;
  /** Of regress.so and its like. */
  readonly libraryDirectory: string;
  readonly program: string;
  readonly psql: Psql;
}

const HOW = "see sql/README.md";

/**
 * What PG_REGRESS_DIR names, or else what POSTGRES_DISTRIB_DIR has beside its versions; or why there is nothing. Throws
 * BAD_ENV where PG_REGRESS_DIR, or NEON_SQL_REGRESS_DIR, is set to what can't be used.
 */
export async function findTestFiles(
  suite: RegressSuite,
  context: NodeContext,
  pgVersion: PgVersion,
  env: Environment = process.env,
): Promise<TestFiles | { readonly skip: string }> {
  const tree = findTree(pgVersion, env);
  if ("skip" in tree) return tree;
  const problem = problemOf(tree, suite, pgVersion);
  if (problem !== undefined && env["PG_REGRESS_DIR"]) throw badDirectory("PG_REGRESS_DIR", env, problem);
  if (problem !== undefined) return { skip: `${tree.build}: ${problem}; ${HOW}` };
  const input = suite.folder === undefined ? neonTests(suite, env) : join(tree.source, suite.folder);
  if (typeof input !== "string") return input;
  const psql = await findPsql(context, pgVersion, tree);
  if ("skip" in psql) return psql;
  const { identity } = context.engine.facts;
  const libraryDirectory = await stage(join(tree.build, suite.program.folder), identity);
  return {
    version: tree.version,
    inputDirectory: await stage(input, identity),
    libraryDirectory,
    program: join(libraryDirectory, suite.program.name),
    psql,
  };
}

/** PG_REGRESS_DIR may have `v14 … v17`, as POSTGRES_DISTRIB_DIR has. */
function findTree(pgVersion: PgVersion, env: Environment): BuildTree | { readonly skip: string } {
  const name = PgVersion.dirName(pgVersion);
  const [given, distribution] = [env["PG_REGRESS_DIR"], env["POSTGRES_DISTRIB_DIR"]];
  if (given) {
    const own = join(resolve(given), name);
    const tree = openBuildTree(existsSync(own) ? own : resolve(given));
    if ("missing" in tree) throw badDirectory("PG_REGRESS_DIR", env, `there is no ${tree.missing}`);
    return tree;
  }
  // As `make` of Neon leaves it: pg_install/build/v17, and the source in vendor/postgres-v17.
  const root = distribution ? resolve(distribution) : undefined;
  const tree: BuildTree | NoBuildTree =
    root === undefined
      ? { missing: "" }
      : openBuildTree(join(root, "build", name), [join(dirname(root), `vendor/postgres-${name}`)]);
  if (!("missing" in tree)) return tree;
  return { skip: `no test files of PostgreSQL ${pgVersion}: PG_REGRESS_DIR names no built source of it; ${HOW}` };
}

/** Why the tree does not do for this suite. */
function problemOf(tree: BuildTree, suite: RegressSuite, pgVersion: PgVersion): string | undefined {
  if (majorOf(tree.version) !== pgVersion) return `its tests are of PostgreSQL ${tree.version}, not ${pgVersion}`;
  const { name, folder, needs } = suite.program;
  const wanted = [name, ...needs].map((file) => join(folder, file));
  const missing = wanted.filter((file) => !existsSync(join(tree.build, file)));
  if (missing.length > 0) return `there is no ${missing.join(" and no ")}: run make -C ${folder} in it`;
  const schedule = join(suite.folder ?? "", suite.schedule);
  const isThere = suite.folder === undefined || existsSync(join(tree.source, schedule));
  return isThere ? undefined : `there is no ${schedule}`;
}

/** Neon's stand in its own source, beside which it is usually built. */
function neonTests(suite: RegressSuite, env: Environment): string | { readonly skip: string } {
  const given = env["NEON_SQL_REGRESS_DIR"];
  const roots = [
    env["NEON_BIN"] && resolve(env["NEON_BIN"], "../.."),
    env["POSTGRES_DISTRIB_DIR"] && resolve(env["POSTGRES_DISTRIB_DIR"], ".."),
  ];
  const candidates = given
    ? [resolve(given)]
    : roots.filter(Boolean).map((root) => join(String(root), "test_runner/sql_regress"));
  const found = candidates.find((path) => existsSync(join(path, suite.schedule)));
  if (found !== undefined) return found;
  if (given) throw badDirectory("NEON_SQL_REGRESS_DIR", env, `there is no ${suite.schedule}`);
  return {
    skip: `Neon's source is not beside its binaries: NEON_SQL_REGRESS_DIR names no test_runner/sql_regress; ${HOW}`,
  };
}

function badDirectory(name: string, env: Environment, problem: string): HarnessError {
  return new HarnessError("BAD_ENV", {
    summary: `${name} names a folder without the tests that it is set for`,
    expected:
      name === "PG_REGRESS_DIR"
        ? "a source of PostgreSQL that was built, or its build"
        : "Neon's test_runner/sql_regress",
    found: `${env[name]}: ${problem}`,
    todo: HOW,
  });
}

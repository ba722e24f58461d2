import { existsSync, readdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { runTool } from "../nodes";
import type { NodeContext } from "../nodes";
import { stage } from "../process";
import type { PgVersion } from "../types";
import { majorOf } from "./build-tree";
import type { BuildTree } from "./build-tree";

export interface Psql {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * The psql that the tests' expected output is written by: of the same major version as the server, for its `\d` shows what
 * each version has. From the Postgres directory, or else the build of the test files, or else PATH. Or why there is none.
 */
export async function findPsql(
  context: NodeContext,
  version: PgVersion,
  tree: BuildTree,
): Promise<Psql | { readonly skip: string }> {
  const candidates = [
    await inDistribution(context, version),
    await inBuild(context, tree),
    ...(process.env["PATH"] ?? "").split(delimiter).map((directory) => ({ directory, environment: {} })),
  ].filter((each) => each !== undefined && existsSync(join(each.directory, "psql"))) as Psql[];
  const found: string[] = [];
  for (const psql of candidates) {
    const path = join(psql.directory, "psql");
    const { stdout } = await runTool(context, path, ["--version"], { environment: psql.environment });
    const its = /\(PostgreSQL\) (\S+)/.exec(stdout)?.[1] ?? "of no known version";
    if (majorOf(its) === version) return psql;
    found.push(`${path} is ${its}`);
  }
  const seen = found.length > 0 ? `: ${found.join(", ")}` : "";
  return { skip: `no psql ${version}${seen}; build the one of the test files: make -C src/bin/psql` };
}

async function inDistribution(context: NodeContext, version: PgVersion): Promise<Psql | undefined> {
  const directory = dirname(context.engine.postgresProgram(version, "psql"));
  const lib = join(dirname(directory), "lib");
  return { directory, environment: hasLibpq(lib) ? { LD_LIBRARY_PATH: lib } : {} };
}

/** Before it is installed, it would find another libpq. */
async function inBuild({ engine }: NodeContext, { build }: BuildTree): Promise<Psql | undefined> {
  const [directory, lib] = [join(build, "src/bin/psql"), join(build, "src/interfaces/libpq")];
  if (!existsSync(join(directory, "psql")) || !hasLibpq(lib)) return undefined;
  const { identity } = engine.facts;
  const libraries = readdirSync(lib).filter((name) => name.startsWith("libpq.so"));
  const staged = await stage(directory, identity, { names: ["psql"] });
  return { directory: staged, environment: { LD_LIBRARY_PATH: await stage(lib, identity, { names: libraries }) } };
}

const hasLibpq = (directory: string): boolean => existsSync(join(directory, "libpq.so.5"));

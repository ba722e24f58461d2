import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PgVersion } from "../types";
import { isExecutable } from "./executables";

const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

type Environment = NodeJS.ProcessEnv;

/** A stock Postgres that the embedded engine can use: its root has bin/postgres and bin/initdb. */
export interface PostgresPlace {
  version: PgVersion;
  root: string;
  /** Came with `npm ci`, was added with `neon-test postgres add`, or belongs to the machine. */
  origin: "npm ci" | "added" | "machine";
}

/** Where `neon-test postgres add` puts versions: `$XDG_CACHE_HOME/neon-test/postgres`, default below `~/.cache`. */
export function postgresCache(env: Environment): string {
  return join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "neon-test", "postgres");
}

/** The directory of one added version; a version that is being added appears in it whole or not at all. */
export function addedPostgres(env: Environment, version: PgVersion): string {
  return join(postgresCache(env), `${PgVersion.dirName(version)}-${process.platform}-${process.arch}`);
}

/** Where distributions keep a major version. */
function machinePlaces(version: PgVersion): string[] {
  return [
    `/usr/lib/postgresql/${version}`,
    `/usr/pgsql-${version}`,
    `/opt/homebrew/opt/postgresql@${version}`,
    `/usr/local/opt/postgresql@${version}`,
  ];
}

/** The one to use: what came with the project first, then what was added, then what the machine has. */
export function findPostgres(env: Environment, version: PgVersion): PostgresPlace | undefined {
  const candidates: PostgresPlace[] = [
    ...packagesOf(version).map((root): PostgresPlace => ({ version, root, origin: "npm ci" })),
    { version, root: join(addedPostgres(env, version), "native"), origin: "added" },
    ...machinePlaces(version).map((root): PostgresPlace => ({ version, root, origin: "machine" })),
  ];
  return candidates.find(({ root }) => existsSync(root) && hasServer(root));
}

/** In our own node_modules, or, where we are installed in another project, in one of those above. */
function packagesOf(version: PgVersion): string[] {
  const name = `pg${version}-${process.platform}-${process.arch}`;
  const above = (folder: string): string[] => (folder === dirname(folder) ? [] : [folder, ...above(dirname(folder))]);
  return above(PROJECT).map((folder) => join(folder, "node_modules", name, "native"));
}

/** Debian's client packages make the same directory without a server in it. */
function hasServer(root: string): boolean {
  return ["postgres", "initdb"].every((name) => isExecutable(join(root, "bin", name)));
}

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { resolveTestUser, stage } from "../process";
import type { ProcessIdentity } from "../process";
import { HarnessError, PgVersion } from "../types";
import { embeddedDirectories } from "./embedded";
import { Engine } from "./engine";
import { pgVersionsIn, requireNodeBinaries, requirePgVersion } from "./executables";
import { featuresOfVersionLine } from "./features";
import type { Feature } from "./features";

type Environment = NodeJS.ProcessEnv;

/**
 * Finds the engine that the environment asks for: NEON_BIN and POSTGRES_DISTRIB_DIR, or the embedded one. It is the
 * only place that knows which of the two it is; everyone else reads the facts. Throws BINARY_MISSING,
 * POSTGRES_VERSION_MISSING, BINARY_BROKEN, BAD_ENV or NO_TEST_USER.
 */
export async function detectEngine(env: Environment = process.env): Promise<Engine> {
  const identity = resolveTestUser(env);
  const neonBin = env["NEON_BIN"];
  return neonBin === undefined || neonBin === ""
    ? embeddedEngine(env, identity)
    : realEngine(env, resolve(neonBin), identity);
}

async function embeddedEngine(env: Environment, identity: ProcessIdentity | undefined): Promise<Engine> {
  const places = await embeddedDirectories(identity);
  const pgDistribDir =
    env["POSTGRES_DISTRIB_DIR"] === undefined ? places.pgDistribDir : resolve(env["POSTGRES_DISTRIB_DIR"]);
  requirePgDirectory(pgDistribDir);
  const environment = { PATH: [dirname(places.node), env["PATH"] ?? ""].join(delimiter), ...places.environment };
  const version = versionLine(places.neonBin, environment, identity);
  return new Engine({
    description: `embedded engine ${/embedded:(\S+)/.exec(version)?.[1] ?? ""}`.trim(),
    neonBin: places.neonBin,
    pgDistribDir,
    pgVersions: pgVersionsIn(pgDistribDir),
    features: new Set([...featuresOfVersionLine(version), ...postgresFeatures(pgDistribDir)]),
    storageControllerState: "file",
    computeDataOnTmpfs: true,
    identity,
    environment,
  });
}

async function realEngine(env: Environment, neonBin: string, identity: ProcessIdentity | undefined): Promise<Engine> {
  requireNodeBinaries(neonBin, "NEON_BIN");
  const distribDir = env["POSTGRES_DISTRIB_DIR"];
  if (distribDir === undefined || distribDir === "") {
    throw new HarnessError("BAD_ENV", {
      summary: "NEON_BIN is set, but POSTGRES_DISTRIB_DIR is not",
      expected: "a directory with v14 … v17, each with bin and lib, as `make` of Neon installs them",
      found: "nothing",
      todo: "set POSTGRES_DISTRIB_DIR, e.g. to Neon's pg_install",
    });
  }
  const stagedBin = await stage(neonBin, identity);
  const pgDistribDir = await stage(resolve(distribDir), identity);
  requirePgDirectory(pgDistribDir);
  const version = versionLine(stagedBin, {}, identity);
  const extra: Feature[] = existsSync(join(neonBin, "neon_local")) ? ["smgr", "neon_local"] : ["smgr"];
  return new Engine({
    description: version,
    neonBin: stagedBin,
    pgDistribDir,
    pgVersions: pgVersionsIn(pgDistribDir),
    features: new Set([...featuresOfVersionLine(version), ...extra, ...postgresFeatures(pgDistribDir)]),
    storageControllerState: "postgres",
    computeDataOnTmpfs: false,
    identity,
    environment: { POSTGRES_DISTRIB_DIR: pgDistribDir },
  });
}

function requirePgDirectory(pgDistribDir: string): void {
  if (pgVersionsIn(pgDistribDir).length === 0) requirePgVersion(pgDistribDir, PgVersion.DEFAULT, pgDistribDir);
}

function postgresFeatures(pgDistribDir: string): Feature[] {
  const [first] = pgVersionsIn(pgDistribDir);
  if (first === undefined) return [];
  return existsSync(join(pgDistribDir, PgVersion.dirName(first), "bin", "psql")) ? ["psql"] : [];
}

/** The first line of `pageserver --version`, asked as the user who will run it. */
function versionLine(
  neonBin: string,
  environment: Record<string, string>,
  identity: ProcessIdentity | undefined,
): string {
  const program = join(neonBin, "pageserver");
  const who = identity === undefined ? {} : { uid: identity.uid, gid: identity.gid };
  const env = { PATH: process.env["PATH"] ?? "", ...environment };
  const result = spawnSync(program, ["--version"], { encoding: "utf8", env, cwd: "/", timeout: 20_000, ...who });
  if (result.status === 0) return result.stdout.split("\n")[0]?.trim() ?? "";
  throw new HarnessError("BINARY_BROKEN", {
    summary: "the pageserver binary does not run",
    expected: `${program} --version to print a version`,
    found: result.error?.message ?? `exit code ${result.status}, ${(result.stderr || result.stdout).slice(0, 400)}`,
    todo: "build it for this machine; check that the libraries it needs are installed",
  });
}

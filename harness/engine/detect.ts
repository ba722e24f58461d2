import { existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { resolveTestUser, stage } from "../process";
import type { ProcessIdentity } from "../process";
import { HarnessError, PgVersion } from "../types";
import { askBinary, askVersion } from "./binary-facts";
import { olderBuild } from "./compatibility";
import { describeBuild } from "./describe-build";
import { embeddedDirectories, embeddedVersion, isEmbeddedBundle } from "./embedded";
import { Engine, NODE_BINARIES } from "./engine";
import { neonPgVersionsIn, pgVersionsIn, requireNodeBinaries, requirePgVersion } from "./executables";
import { featuresOfVersionLine, NEON_FEATURES, NEON_TOOLS } from "./features";
import type { Feature } from "./features";
import { requireOneRevision } from "./one-revision";

type Environment = NodeJS.ProcessEnv;

const MEGABYTE = 1024 * 1024;

/**
 * Finds the engine that the environment asks for: NEON_BIN and POSTGRES_DISTRIB_DIR, or the embedded one. It is the
 * only place that knows which of the two it is; everyone else reads the facts. Throws BINARY_MISSING,
 * POSTGRES_VERSION_MISSING, BINARY_BROKEN, MIXED_REVISIONS, BAD_ENV or NO_TEST_USER.
 */
export async function detectEngine(env: Environment = process.env): Promise<Engine> {
  const identity = resolveTestUser(env);
  const neonBin = env["NEON_BIN"];
  const isReal = neonBin !== undefined && neonBin !== "" && !isEmbeddedBundle(neonBin);
  const engine = isReal ? await realEngine(env, resolve(neonBin), identity) : await embeddedEngine(env, identity);
  const older = await olderBuild(env, identity);
  if (older === undefined) return engine;
  const features = new Set<Feature>([...engine.facts.features, "compatibility"]);
  return new Engine({ ...engine.facts, features, olderBuild: older });
}

async function embeddedEngine(env: Environment, identity: ProcessIdentity | undefined): Promise<Engine> {
  const places = await embeddedDirectories(env, identity);
  const distribDir = env["POSTGRES_DISTRIB_DIR"];
  const pgDistribDir = distribDir ? await stagePgDirectory(distribDir, identity) : places.pgDistribDir;
  requirePgDirectory(pgDistribDir);
  const environment = { PATH: [dirname(places.node), env["PATH"] ?? ""].join(delimiter), ...places.environment };
  const asker = { environment, identity };
  const version =
    embeddedVersion(places.neonBin) ?? (await askVersion(join(places.neonBin, "pageserver"), "pageserver", asker));
  return new Engine({
    description: `embedded engine ${/embedded:(\S+)/.exec(version)?.[1] ?? ""}`.trim(),
    neonBin: places.neonBin,
    pgDistribDir,
    pgVersions: pgVersionsIn(pgDistribDir),
    features: new Set([...featuresOfVersionLine(version), ...postgresFeatures(pgDistribDir)]),
    storageControllerState: "file",
    pageserversNeedController: false,
    takesTimelineFiles: false,
    computeDataOnTmpfs: true,
    environmentCost: { memory: 300 * MEGABYTE, tasks: 110 },
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
  const pgDistribDir = await stagePgDirectory(distribDir, identity);
  const pgVersions = neonPgVersionsIn(pgDistribDir);
  const stagedBin = await stage(neonBin, identity, { names: [...NODE_BINARIES, ...NEON_TOOLS] });
  const asker = { environment: {}, identity };
  const binaries = await Promise.all(NODE_BINARIES.map(async (name) => askBinary(stagedBin, name, asker)));
  requireOneRevision(binaries, neonBin, env);
  const version = binaries.find(({ name }) => name === "pageserver")?.versionLine ?? "";
  const tools = NEON_TOOLS.filter((tool) => existsSync(join(neonBin, tool)));
  const known = [...NEON_FEATURES, ...tools, ...postgresFeatures(pgDistribDir)];
  const features = new Set([...featuresOfVersionLine(version), ...known]);
  return new Engine({
    description: describeBuild(binaries, features),
    neonBin: stagedBin,
    pgDistribDir,
    pgVersions,
    features,
    storageControllerState: "postgres",
    pageserversNeedController: true,
    takesTimelineFiles: true,
    computeDataOnTmpfs: false,
    environmentCost: { memory: 500 * MEGABYTE, tasks: 150 },
    identity,
    // compute_ctl would log an ERROR for every trace that no collector takes.
    environment: { POSTGRES_DISTRIB_DIR: pgDistribDir, OTEL_SDK_DISABLED: "true" },
  });
}

async function stagePgDirectory(distribDir: string, identity: ProcessIdentity | undefined): Promise<string> {
  const path = resolve(distribDir);
  requirePgDirectory(path);
  // What stands beside the versions, e.g. `build`, is none of the nodes' business, and takes long to look at.
  return stage(path, identity, { names: PgVersion.ALL.map((version) => PgVersion.dirName(version)) });
}

function requirePgDirectory(pgDistribDir: string): void {
  if (pgVersionsIn(pgDistribDir).length === 0) requirePgVersion(pgDistribDir, PgVersion.DEFAULT, pgDistribDir);
}

/** psql counts when every version has it: what a test requires must not depend on the version that it runs on. */
function postgresFeatures(pgDistribDir: string): Feature[] {
  const versions = pgVersionsIn(pgDistribDir);
  const has = (version: PgVersion) => existsSync(join(pgDistribDir, PgVersion.dirName(version), "bin", "psql"));
  return versions.length > 0 && versions.every(has) ? ["psql"] : [];
}

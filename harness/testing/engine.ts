import { join } from "node:path";
import { runMarker } from "../process";
import type { ProcessIdentity } from "../process";
import { PgVersion } from "../types";

/** What the run's global set-up found out about the embedded engine; the rest of `EngineFacts` is not for tests. */
interface Facts {
  neonBin: string;
  pgDistribDir: string;
  pgVersions: readonly PgVersion[];
  identity?: ProcessIdentity;
  environment: { PATH: string; NEON_EMBEDDED_CACHE: string };
}

const facts = JSON.parse(process.env["NEON_TEST_EMBEDDED_ENGINE"] ?? "{}") as Facts;

/** Who runs Postgres, and what starts it, when the tests run as root; it can read all paths here. */
export const identity = facts.identity;

/** Its PATH finds the `node` that the programs' first lines name; by the marker the run knows what a test left behind. */
export const programEnvironment: Readonly<Record<string, string>> = {
  ...facts.environment,
  LANG: "C.UTF-8",
  ...runMarker(),
};

/** Where the results of initdb are kept for later runs. */
export const cacheDir = facts.environment.NEON_EMBEDDED_CACHE;

export const pgDistribDir = facts.pgDistribDir;

/** The versions that are here. */
export const pgVersions = facts.pgVersions;

/** The bundle of one node, e.g. `safekeeper`: an executable that needs only `node`. */
export const engineProgram = (name: string): string => join(facts.neonBin, name);

/** The programs of a stock Postgres. */
export function distribution(version: PgVersion) {
  const root = join(pgDistribDir, PgVersion.dirName(version));
  return { version, root, postgres: join(root, "bin/postgres"), initdb: join(root, "bin/initdb") };
}

import { join } from "node:path";
import { requireNeonExtension, requirePgVersion } from "../../harness/engine";
import type { Engine } from "../../harness/engine";
import { PgVersion } from "../../harness/types";

/** Those asked for, or DEFAULT_PG_VERSION, or the engine's default. Throws POSTGRES_VERSION_MISSING or BINARY_MISSING. */
export function chooseVersions(engine: Engine, asked: readonly PgVersion[]): [PgVersion, ...PgVersion[]] {
  const fromEnvironment = process.env["DEFAULT_PG_VERSION"];
  const wanted = asked.length === 0 && fromEnvironment ? [PgVersion.parse(fromEnvironment)] : asked;
  const { pgDistribDir, pgVersions } = engine.facts;
  for (const version of wanted) {
    requirePgVersion(pgDistribDir, version, pgDistribDir);
    // It is there, but not for this engine.
    if (!pgVersions.includes(version)) requireNeonExtension(join(pgDistribDir, PgVersion.dirName(version)));
  }
  const [first = engine.defaultPgVersion(), ...others] = wanted;
  return [first, ...others];
}

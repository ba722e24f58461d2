import { resolve } from "node:path";
import { stage } from "../process";
import type { ProcessIdentity } from "../process";
import { HarnessError, PgVersion } from "../types";
import { NODE_BINARIES } from "./engine";
import type { OlderBuild } from "./engine";
import { pgVersionsIn, requireNodeBinaries, requirePgVersion } from "./executables";
import { NEON_TOOLS } from "./features";

const BIN = "COMPATIBILITY_NEON_BIN";
const DISTRIB = "COMPATIBILITY_POSTGRES_DISTRIB_DIR";

/** The build of an earlier release that tests of mixed versions take some nodes from; undefined where none is named. */
export async function olderBuild(
  env: NodeJS.ProcessEnv,
  identity: ProcessIdentity | undefined,
): Promise<OlderBuild | undefined> {
  const [bin, distrib] = [env[BIN], env[DISTRIB]];
  if (!bin && !distrib) return undefined;
  if (!bin || !distrib) {
    throw new HarnessError("BAD_ENV", {
      summary: `only one of ${BIN} and ${DISTRIB} is set`,
      expected: "both: an earlier release's binaries and its Postgres versions",
      found: `${bin ? BIN : DISTRIB} alone`,
      todo: `set ${bin ? DISTRIB : BIN}, too, or unset both`,
    });
  }
  const [neonBin, pgDistribDir] = [resolve(bin), resolve(distrib)];
  requireNodeBinaries(neonBin, BIN);
  if (pgVersionsIn(pgDistribDir).length === 0) requirePgVersion(pgDistribDir, 17, DISTRIB);
  return {
    neonBin: await stage(neonBin, identity, { names: [...NODE_BINARIES, ...NEON_TOOLS] }),
    pgDistribDir: await stage(pgDistribDir, identity, {
      names: PgVersion.ALL.map((version) => PgVersion.dirName(version)),
    }),
  };
}

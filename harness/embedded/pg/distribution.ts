import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { PgVersion } from "../../types";

/** One major version's programs. */
export interface PgDistribution {
  version: PgVersion;
  root: string;
  postgres: string;
  initdb: string;
}

/** Who runs Postgres when it isn't ourselves; only tests that run as root need it. */
export interface RunAs {
  uid: number;
  gid: number;
}

/** `<pgDistribDir>/v17/bin/{postgres,initdb}`; throws with the path that is missing. */
export function findDistribution(pgDistribDir: string, version: PgVersion): PgDistribution {
  const root = join(pgDistribDir, PgVersion.dirName(version));
  const program = (name: string): string => {
    const path = join(root, "bin", name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch (cause) {
      throw new Error(`no Postgres ${version}: expected an executable ${path}`, { cause });
    }
  };
  return { version, root, postgres: program("postgres"), initdb: program("initdb") };
}

import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { HarnessError, PgVersion } from "../types";
import { NODE_BINARIES } from "./engine";

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Throws BINARY_MISSING when `dir` lacks one of the five binaries that a Neon consists of. */
export function requireNodeBinaries(dir: string, toldBy: string): void {
  const missing = NODE_BINARIES.filter((name) => !isExecutable(join(dir, name)));
  if (missing.length === 0) return;
  throw new HarnessError("BINARY_MISSING", {
    summary: `${toldBy} names ${dir}, which is not a directory of Neon binaries`,
    expected: `executables ${NODE_BINARIES.join(", ")}`,
    found: `no ${missing.join(", ")}`,
    todo: "build Neon (features: testing) and point NEON_BIN at its target directory, or unset NEON_BIN for the embedded engine",
    facts: { dir, missing },
  });
}

/** The Postgres majors below a POSTGRES_DISTRIB_DIR, i.e. those `vNN` that hold `bin/postgres`. */
export function pgVersionsIn(distribDir: string): PgVersion[] {
  return PgVersion.ALL.filter((version) =>
    isExecutable(join(distribDir, PgVersion.dirName(version), "bin", "postgres")),
  );
}

/** Throws POSTGRES_VERSION_MISSING when the directory holds no Postgres at all, or not the one that is asked for. */
export function requirePgVersion(distribDir: string, version: PgVersion, toldBy: string): void {
  const present = pgVersionsIn(distribDir);
  if (present.includes(version)) return;
  const found = present.length > 0 ? present.map((v) => PgVersion.dirName(v)).join(", ") : namesIn(distribDir);
  throw new HarnessError("POSTGRES_VERSION_MISSING", {
    summary: `${toldBy} has no Postgres ${version}`,
    expected: join(distribDir, PgVersion.dirName(version), "bin", "postgres"),
    found,
    todo: "choose one of the versions found with --pg-version or DEFAULT_PG_VERSION, or build the one that is missing",
    facts: { distribDir, version },
  });
}

function namesIn(dir: string): string {
  try {
    return readdirSync(dir).join(", ") || "an empty directory";
  } catch {
    return "no such directory";
  }
}

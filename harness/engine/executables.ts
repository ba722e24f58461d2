import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { HarnessError, PgVersion } from "../types";
import { NODE_BINARIES } from "./engine";

/** Whether it is a file that we may run. */
export function isExecutable(path: string): boolean {
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
    todo:
      (present.length > 0
        ? "choose one of the versions found with --pg-version or DEFAULT_PG_VERSION"
        : "point POSTGRES_DISTRIB_DIR at the directory that has v14 … v17") +
      `; for the embedded engine, \`neon-test postgres add ${version}\` brings another; for real Neon, build it`,
    facts: { distribDir, version },
  });
}

/** Where `make install` puts things, with and without a folder of Postgres' own. */
const LIBRARY_FOLDERS = ["lib", "lib/postgresql"] as const;
const EXTENSION_FOLDERS = ["share/extension", "share/postgresql/extension"] as const;

/** What a real compute needs besides, and this version of Postgres lacks. */
function missingOfNeon(root: string): string[] {
  const wanted = [
    { name: "lib/neon.so", places: LIBRARY_FOLDERS.flatMap((dir) => [`${dir}/neon.so`, `${dir}/neon.dylib`]) },
    { name: "share/extension/neon.control", places: EXTENSION_FOLDERS.map((dir) => `${dir}/neon.control`) },
  ];
  return wanted.filter(({ places }) => !places.some((place) => existsSync(join(root, place)))).map(({ name }) => name);
}

/**
 * The Postgres majors that real computes can run: those with the neon extension. A plain one beside them serves nobody but
 * the storage controller's database. Throws BINARY_MISSING when all are plain.
 */
export function neonPgVersionsIn(distribDir: string): PgVersion[] {
  const present = pgVersionsIn(distribDir);
  const rootOf = (version: PgVersion): string => join(distribDir, PgVersion.dirName(version));
  const usable = present.filter((version) => missingOfNeon(rootOf(version)).length === 0);
  const [first] = present;
  if (usable.length === 0 && first !== undefined) requireNeonExtension(rootOf(first));
  return usable;
}

/** Throws BINARY_MISSING for a Postgres that a real compute can't run with, because it lacks the neon extension. */
export function requireNeonExtension(root: string): void {
  const missing = missingOfNeon(root);
  if (missing.length === 0) return;
  throw new HarnessError("BINARY_MISSING", {
    summary: `${root} is a Postgres without the neon extension`,
    expected: "lib/neon.so and share/extension/neon.control",
    found: `no ${missing.join(", no ")}`,
    todo: "build it as `make` of Neon does, or unset NEON_BIN for the embedded engine, which takes any Postgres",
    facts: { root },
  });
}

function namesIn(dir: string): string {
  try {
    return readdirSync(dir).join(", ") || "an empty directory";
  } catch {
    return "no such directory";
  }
}

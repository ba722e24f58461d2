import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { HarnessError } from "../types";
import { Engine } from "./engine";
import type { NodeBinary } from "./engine";
import { pgVersionsIn } from "./executables";
import type { NeonTool } from "./features";

/** What belongs to one component, and so is always of one version. */
const COMPONENTS = {
  storage_controller: ["storage_controller"],
  storage_broker: ["storage_broker"],
  compute: ["compute_ctl"],
  safekeeper: ["safekeeper"],
  pageserver: ["pageserver", "pagectl"],
} as const satisfies Record<string, readonly (NodeBinary | NeonTool)[]>;

type Component = keyof typeof COMPONENTS;

/** Which components are of the build under test, and which of the earlier release. */
export type VersionCombination = Readonly<Record<Component, "new" | "old">>;

/** From the table below: controller, broker, compute, safekeeper, pageserver. */
const combination = (text: string): VersionCombination => {
  const names: readonly Component[] = ["storage_controller", "storage_broker", "compute", "safekeeper", "pageserver"];
  const versions = names.map((name, index) => [name, text[index] === "o" ? "old" : "new"] as const);
  return Object.fromEntries(versions) as VersionCombination;
};

/** The five that Neon's CI runs: as the components are deployed, each meets each of the others in both versions. */
const TABLE = ["nnnnn", "nnooo", "nnoon", "nnonn", "oonnn"] as const;

/** For tests of mixed versions: each combination with its short name. The first one mixes nothing. */
export const allPairsVersions: readonly { id: string; combination: VersionCombination }[] = TABLE.map((id) => ({
  id,
  combination: combination(id),
}));

/** Whether the combination needs the earlier release. */
export const needsOlderBuild = (versions: VersionCombination): boolean => Object.values(versions).includes("old");

/** An engine whose binaries are links in `dir` to those of the two builds. Throws ENGINE_LACKS without an older one. */
export function mixVersions(engine: Engine, versions: VersionCombination, dir: string): Engine {
  if (!needsOlderBuild(versions)) return engine;
  const older = engine.facts.olderBuild;
  if (older === undefined) {
    throw new HarnessError("ENGINE_LACKS", {
      summary: "there is no earlier release to take nodes from",
      expected: "COMPATIBILITY_NEON_BIN and COMPATIBILITY_POSTGRES_DISTRIB_DIR",
      found: "neither",
      todo: 'set both, or say requires("compatibility") in the test, so that it is skipped here',
    });
  }
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  for (const [component, names] of Object.entries(COMPONENTS)) {
    const from = versions[component as Component] === "old" ? older.neonBin : engine.facts.neonBin;
    for (const name of names) if (existsSync(join(from, name))) symlinkSync(join(from, name), join(dir, name));
  }
  const pgDistribDir = versions.compute === "old" ? older.pgDistribDir : engine.facts.pgDistribDir;
  const { POSTGRES_DISTRIB_DIR: told, ...environment } = engine.facts.environment;
  return new Engine({
    ...engine.facts,
    neonBin: dir,
    pgDistribDir,
    pgVersions: pgVersionsIn(pgDistribDir),
    environment: { ...environment, ...(told === undefined ? {} : { POSTGRES_DISTRIB_DIR: pgDistribDir }) },
  });
}

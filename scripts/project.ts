import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where this package stands: a clone, or a folder of another project's node_modules. */
export const PACKAGE_ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Whose tests are run. */
export interface Project {
  readonly root: string;
  /** The clone itself, with its suites; any other project has just tests. */
  readonly isClone: boolean;
}

/** The nearest project above `cwd` that depends on this package; otherwise the clone. */
export function findProject(cwd: string): Project {
  const inModules = PACKAGE_ROOT.split("/").includes("node_modules");
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (folder === PACKAGE_ROOT) return { root: folder, isClone: true };
    const manifest = readManifest(folder);
    if (manifest !== undefined && (inModules || dependsOnUs(manifest))) return { root: folder, isClone: false };
    if (folder === dirname(folder)) break;
  }
  return inModules ? { root: cwd, isClone: false } : { root: PACKAGE_ROOT, isClone: true };
}

type Manifest = Record<string, Record<string, string> | undefined>;

function readManifest(folder: string): Manifest | undefined {
  const path = join(folder, "package.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Manifest) : undefined;
}

const dependsOnUs = (manifest: Manifest): boolean =>
  ["dependencies", "devDependencies"].some((kind) => manifest[kind]?.["neon-test"] !== undefined);

import { join } from "node:path";
import type { VitestProject } from "./projects";

/**
 * Lets a test's import of the fixtures, by path or as "neon-test", find the bundle: one file, which node loads by itself,
 * instead of two hundred that vitest would transform for every run.
 */
export function withBundledFixtures(project: VitestProject, packageRoot: string): VitestProject {
  const sources = join(packageRoot, "fixtures");
  const bundle = join(packageRoot, "dist", "command", "fixtures.js");
  const names = [sources, join(sources, "index"), join(sources, "index.ts"), "neon-test"];
  const plugin: NonNullable<VitestProject["plugins"]>[number] = {
    name: "neon-test:fixtures",
    enforce: "pre",
    resolveId(source, importer) {
      const path = source.startsWith(".") && importer !== undefined ? join(importer, "..", source) : source;
      return names.includes(path) ? { id: bundle, external: true } : undefined;
    },
  };
  // A string would be taken for the name of a package.
  const external = [new RegExp(`^${bundle.replaceAll(/[^\w/]/g, "\\$&")}$`)];
  return { ...project, plugins: [plugin], test: { ...project.test, server: { deps: { external } } } };
}

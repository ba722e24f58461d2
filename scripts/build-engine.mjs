// Bundles the embedded engine into dist/embedded: five executables that need only `node`.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outdir = join(root, "dist", "embedded");
const entries = ["storage_broker", "safekeeper", "pageserver", "storage_controller", "compute_ctl"];

/** Modification time in ms of the newest source that goes into the bundle. */
function newestSource() {
  let newest = statSync(join(root, "package.json")).mtimeMs;
  for (const folder of ["embedded", "wire", "storage", "process", "types"]) {
    for (const entry of readdirSync(join(root, "harness", folder), { withFileTypes: true, recursive: true })) {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      if (!entry.isFile() || !path.endsWith(".ts") || /\.test(-data)?\.ts$|\/testing\//.test(path)) continue;
      newest = Math.max(newest, statSync(path).mtimeMs);
    }
  }
  return newest;
}

/** Builds beside the place and renames into it, so that a run that starts meanwhile never meets half a bundle. */
async function buildAll() {
  const started = new Date();
  const staging = `${outdir}.${process.pid}`;
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  await build({
    entryPoints: Object.fromEntries(entries.map((name) => [name, join(root, "harness/embedded/bin", `${name}.ts`)])),
    outdir: staging,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    sourcemap: "inline",
    sourcesContent: false,
    logLevel: "warning",
    loader: { ".node": "copy" },
    plugins: [optionalNativePackages],
    banner: { js: "#!/usr/bin/env node" },
  });
  for (const name of entries) {
    renameSync(join(staging, `${name}.js`), join(staging, name));
    chmodSync(join(staging, name), 0o755);
  }
  writeFileSync(join(staging, "package.json"), '{"type":"commonjs"}\n');
  // What is edited while we build is newer than the bundle.
  utimesSync(join(staging, "package.json"), started, started);
  rmSync(outdir, { recursive: true, force: true });
  renameSync(staging, outdir);
}

/** A native package names one sub-package per platform; those that npm left out here stay as run-time requires. */
const optionalNativePackages = {
  name: "optional-native-packages",
  setup(bundler) {
    bundler.onResolve({ filter: /^@node-rs\/crc32-|\.node$/ }, async (args) => {
      if (args.pluginData === "seen") return undefined;
      const found = await bundler.resolve(args.path, {
        kind: args.kind,
        resolveDir: args.resolveDir,
        importer: args.importer,
        pluginData: "seen",
      });
      return found.errors.length > 0 ? { path: args.path, external: true } : found;
    });
  },
};

const built = join(outdir, "package.json");
if (!process.argv.includes("--if-stale") || !existsSync(built) || statSync(built).mtimeMs < newestSource()) {
  await buildAll();
}

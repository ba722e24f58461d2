// Bundles the embedded engine into dist/embedded: five executables that need only `node`; and mock_s3's server.
import { execFileSync } from "node:child_process";
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
const mockS3 = join(root, "dist", "mock-s3");
const entries = ["storage_broker", "safekeeper", "pageserver", "storage_controller", "compute_ctl"];

/** Modification time in ms of the newest source that goes into the bundle. */
function newestSource() {
  let newest = statSync(join(root, "package.json")).mtimeMs;
  for (const folder of ["embedded", "wire", "storage", "process", "events", "types", "wait"]) {
    for (const entry of readdirSync(join(root, "harness", folder), { withFileTypes: true, recursive: true })) {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      if (!entry.isFile() || !path.endsWith(".ts") || /\.test(-data)?\.ts$|\/testing\//.test(path)) continue;
      newest = Math.max(newest, statSync(path).mtimeMs);
    }
  }
  return newest;
}

const common = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  sourcemap: "linked",
  sourcesContent: false,
  logLevel: "warning",
  loader: { ".node": "copy" },
};

/** Builds beside the place and renames into it, so that a run that starts meanwhile never meets half a bundle. */
async function buildInto(target, fill) {
  const started = new Date();
  const staging = `${target}.${process.pid}`;
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  const manifest = join(staging, "package.json");
  writeFileSync(manifest, '{"type":"commonjs"}\n');
  const facts = await fill(staging);
  writeFileSync(manifest, `${JSON.stringify({ type: "commonjs", ...facts })}\n`);
  // What is edited while we build is newer than the bundle.
  utimesSync(manifest, started, started);
  rmSync(target, { recursive: true, force: true });
  renameSync(staging, target);
}

async function buildEngine(staging) {
  await build({
    ...common,
    entryPoints: Object.fromEntries(entries.map((name) => [name, join(root, "harness/embedded/bin", `${name}.ts`)])),
    outdir: staging,
    plugins: [optionalNativePackages],
    banner: { js: "#!/usr/bin/env node" },
  });
  for (const name of entries) {
    renameSync(join(staging, `${name}.js`), join(staging, name));
    chmodSync(join(staging, name), 0o755);
  }
  // To ask it now saves every run from asking.
  const answer = execFileSync(process.execPath, [join(staging, "pageserver"), "--version"], { encoding: "utf8" });
  return { versionLine: answer.split("\n")[0] };
}

/** A thread can't load TypeScript: the S3 server that runs in one is a bundle, too. */
async function buildMockS3(staging) {
  await build({
    ...common,
    entryPoints: { thread: join(root, "harness/storage/mock-s3/thread.ts") },
    outdir: staging,
    plugins: [optionalNativePackages],
  });
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

const newest = newestSource();
for (const [target, fill] of [
  [outdir, buildEngine],
  [mockS3, buildMockS3],
]) {
  const built = join(target, "package.json");
  const isStale = !existsSync(built) || statSync(built).mtimeMs < newest;
  if (!process.argv.includes("--if-stale") || isStale) await buildInto(target, fill);
}

// Bundles the command and the fixtures into dist/command: one file starts three times as fast as two hundred.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outdir = join(root, "dist", "command");
const reportdir = join(root, "dist", "report");
const STAMP = "main.js";
const UNUSED_AFTER_MS = 24 * 3600 * 1000;

/** A file finds its neighbours by its own URL, which a bundle would take from it. */
const ownUrls = {
  name: "own-urls",
  setup(bundler) {
    bundler.onLoad({ filter: /(harness|fixtures|scripts)\/.*\.ts$/ }, (args) => {
      const text = readFileSync(args.path, "utf8");
      if (!text.includes("import.meta.url")) return undefined;
      const path = JSON.stringify(`../../${relative(root, args.path)}`);
      return {
        contents: text.replaceAll("import.meta.url", `new URL(${path}, import.meta.url).href`),
        loader: "ts",
      };
    });
  },
};

/** What every start needs is bundled, with what it needs itself; everything else is loaded from node_modules, if at all. */
const BUNDLED = new Set(["execa", "pg", "smol-toml"]);

const onlyWhatStartsNeed = {
  name: "only-what-starts-need",
  setup(bundler) {
    bundler.onResolve({ filter: /^[^./]/ }, ({ path, importer }) => {
      const isOurs = !importer.includes("/node_modules/");
      const name = path
        .split("/")
        .slice(0, path.startsWith("@") ? 2 : 1)
        .join("/");
      if (path === "pg-native" || (isOurs && importer !== "" && !BUNDLED.has(name))) return { path, external: true };
      return undefined;
    });
  },
};

/** Node's own require for what is CommonJS inside. */
const REQUIRE = `import { createRequire as $createRequire } from "node:module"; const require = $createRequire(import.meta.url);`;

async function buildAll() {
  const started = new Date();
  const staging = `${outdir}.${process.pid}`;
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  await build({
    entryPoints: {
      main: join(root, "scripts/main.ts"),
      fixtures: join(root, "fixtures/index.ts"),
      "forget-prefix": join(root, "harness/storage/forget-prefix.ts"),
      "echo-page-service": join(root, "harness/benchmark/load/echo-program.ts"),
    },
    outdir: staging,
    bundle: true,
    splitting: true,
    platform: "node",
    target: "node20",
    format: "esm",
    sourcemap: "linked",
    sourcesContent: true,
    logLevel: "warning",
    plugins: [ownUrls, onlyWhatStartsNeed],
    banner: { js: REQUIRE },
  });
  await buildReportPage();
  publish(staging, started);
}

/** What `--html` puts beside its data: one script and one style sheet, for browsers. */
async function buildReportPage() {
  const page = join(root, "harness", "report", "page");
  mkdirSync(reportdir, { recursive: true });
  const common = { bundle: true, target: "es2022", logLevel: "warning" };
  await build({ ...common, entryPoints: [join(page, "main.ts")], outfile: join(reportdir, "page.js"), format: "iife" });
  copyFileSync(join(page, "page.css"), join(reportdir, "page.css"));
}

/**
 * File by file, the entries last, and what is no longer needed stays for a day: a run that goes on meanwhile may load
 * another of its chunks, whose names carry their hashes.
 */
function publish(staging, started) {
  const isEntry = (name) => /^(main|fixtures|forget-prefix)\./.test(name);
  const names = readdirSync(staging).toSorted((a, b) => Number(isEntry(a)) - Number(isEntry(b)));
  for (const name of names) renameSync(join(staging, name), join(outdir, name));
  rmSync(staging, { recursive: true, force: true });
  // What is edited while we build is newer than the bundle.
  utimesSync(join(outdir, STAMP), started, started);
  for (const name of readdirSync(outdir)) {
    const path = join(outdir, name);
    if (!names.includes(name) && Date.now() - statSync(path).mtimeMs > UNUSED_AFTER_MS) rmSync(path, { force: true });
  }
}

function newestSource() {
  let newest = statSync(join(root, "package.json")).mtimeMs;
  for (const folder of ["harness", "fixtures", "scripts"]) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true, recursive: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".ts") || entry.name.endsWith(".test.ts")) continue;
      newest = Math.max(newest, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
    }
  }
  return newest;
}

const built = join(outdir, STAMP);
if (!process.argv.includes("--if-stale") || !existsSync(built) || statSync(built).mtimeMs < newestSource()) {
  await buildAll();
}

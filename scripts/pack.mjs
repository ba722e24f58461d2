// `npm pack` puts in what only an installed package has: fresh bundles, types, and the command. (A "bin" in a clone's own
// package.json would make npx install the clone into its cache before it runs it.)
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const manifest = join(root, "package.json");
const saved = join(root, "dist", "package.json.saved");
const run = (command, ...args) => execFileSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });

function prepare() {
  for (const folder of ["command", "types"]) rmSync(join(root, "dist", folder), { recursive: true, force: true });
  run("node", "scripts/build-engine.mjs");
  run("node", "scripts/build-command.mjs");
  run(join(root, "node_modules", ".bin", "tsc"), "-p", "tsconfig.types.json");
  copyFileSync(manifest, saved);
  const { scripts: _scripts, devDependencies: _development, ...kept } = JSON.parse(readFileSync(manifest, "utf8"));
  writeFileSync(manifest, `${JSON.stringify({ ...kept, bin: { "neon-test": "scripts/bin.mjs" } }, null, 2)}\n`);
}

if (process.argv[2] === "prepare") prepare();
else renameSync(saved, manifest);

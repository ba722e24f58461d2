import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ESBUILD = join(dirname(fileURLToPath(import.meta.url)), "../../node_modules/.bin/esbuild");

export interface BundleOptions {
  format: "cjs" | "esm";
  /** TypeScript; its relative imports count from `resolveDir`. */
  text: string;
  resolveDir: string;
}

/**
 * One self-contained program for node. It runs esbuild's command: its API would leave a process of its own in the
 * worker, which outlives the tests.
 */
export function bundleText({ format, text, resolveDir }: BundleOptions): string {
  const flags = ["--bundle", "--platform=node", `--format=${format}`, "--loader=ts", "--log-level=warning"];
  return execFileSync(ESBUILD, flags, { cwd: resolveDir, input: text, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
}

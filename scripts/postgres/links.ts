import { readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { errnoOf, HarnessError } from "../../harness/types";

/** npm packages can't hold links; this file of the package lists them: `source` is what `target` leads to. */
const LIST = join("native", "pg-symlinks.json");

/** Makes the links of the shared libraries, without which Postgres doesn't start. Twice is as good as once. */
export function makeLinks(packageDir: string): void {
  for (const { source, target } of readLinks(packageDir)) {
    const [from, to] = [inside(packageDir, source), inside(packageDir, target)];
    rmSync(to, { force: true });
    symlinkSync(relative(dirname(to), from), to);
  }
}

function readLinks(packageDir: string): { source: string; target: string }[] {
  try {
    return JSON.parse(readFileSync(join(packageDir, LIST), "utf8")) as { source: string; target: string }[];
  } catch (error) {
    // A platform without such links has no list.
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

function inside(packageDir: string, path: string): string {
  const whole = resolve(packageDir, path);
  if (!relative(packageDir, whole).startsWith("..")) return whole;
  throw new HarnessError("BINARY_BROKEN", {
    summary: "the package names a link outside of itself",
    expected: `paths below ${packageDir}`,
    found: path,
  });
}

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/** Where the recorded answers are: GOLDEN_DIR, default `../shared/reference/golden`; undefined when they aren't there. */
export function recordingDirectory(given: string | undefined = process.env["GOLDEN_DIR"]): string | undefined {
  const directory = resolve(given ?? join("..", "shared", "reference", "golden"));
  return existsSync(join(directory, "http", "INDEX.md")) ? directory : undefined;
}

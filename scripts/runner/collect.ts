import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { execa } from "execa";
import { registerDirectory } from "../../harness/process";
import { HarnessError } from "../../harness/types";

export interface CollectedTest {
  /** As vitest's name pattern sees it: suite and test, joined by a space. */
  name: string;
  /** Relative to the project. */
  file: string;
  /** File and name, for people and for -k. */
  fullName: string;
}

/** Asks vitest which tests there are; nothing is run. */
export async function collectTests(projectRoot: string, args: readonly string[]): Promise<CollectedTest[]> {
  const dir = mkdtempSync(join(tmpdir(), "neon-test-list-"));
  registerDirectory(dir);
  const out = join(dir, "tests.json");
  try {
    const result = await execa("node", ["node_modules/vitest/vitest.mjs", "list", ...args, `--json=${out}`], {
      cwd: projectRoot,
      reject: false,
      all: true,
    });
    if (result.exitCode !== 0) throw cannotList(result.all);
    const rows = JSON.parse(readFileSync(out, "utf8")) as { name: string; file: string }[];
    return rows.map((row) => collected(relative(projectRoot, row.file), row.name));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function collected(file: string, listedName: string): CollectedTest {
  const name = listedName.split(" > ").join(" ");
  return { name, file, fullName: `${file.replace(/\.test\.ts$/, "")} > ${listedName}` };
}

function cannotList(output: string): HarnessError {
  return new HarnessError("COMMAND_FAILED", {
    summary: "vitest could not list the tests",
    expected: "every test file to load",
    found: "see below",
    logTail: output,
  });
}

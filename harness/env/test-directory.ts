import { chmodSync, cpSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { canTraverse, keepDirectory, registerDirectory } from "../process";
import type { ProcessIdentity } from "../process";
import { errnoOf } from "../types";
import { cannotWrite, claimDirectory, releaseDirectory, removeIfEmpty } from "./output-directory";

/**
 * One test's directory: `<TEST_OUTPUT>/<test name>`. It goes when the test passed and stays when it failed. Where the
 * nodes' user can't enter TEST_OUTPUT, they work in a temporary directory, and what a person must see is moved over.
 */
export class TestDirectory {
  /** Where a person finds it. */
  readonly path: string;
  /** Where the nodes work: the same, unless their user can't get there. */
  readonly workPath: string;

  private constructor(path: string, workPath: string) {
    this.path = path;
    this.workPath = workPath;
  }

  static create(outputDir: string, testName: string, identity: ProcessIdentity | undefined): TestDirectory {
    const wanted = join(outputDir, directoryName(testName));
    try {
      const path = claimDirectory(wanted);
      chmodSync(path, 0o755);
      // Should the run be killed in the middle, the reaper removes it.
      registerDirectory(path);
      if (identity === undefined || canTraverse(path, identity)) return new TestDirectory(path, path);
      // Root's TMPDIR may be a folder that the nodes' user can't enter.
      const workPath = mkdtempSync("/tmp/neon-test-dir-");
      chmodSync(workPath, 0o755);
      registerDirectory(workPath);
      return new TestDirectory(path, workPath);
    } catch (cause) {
      throw cannotWrite(wanted, cause);
    }
  }

  /** Removes everything; for a test that passed. */
  remove(): void {
    for (const dir of new Set([this.path, this.workPath])) rmSync(dir, { recursive: true, force: true });
    removeIfEmpty(dirname(this.path));
  }

  /** Leaves everything where a person finds it, and returns that place. */
  keep(): string {
    if (this.workPath !== this.path && existsSync(this.workPath)) {
      rmSync(this.path, { recursive: true, force: true });
      moveDirectory(this.workPath, this.path);
    }
    releaseDirectory(this.path);
    keepDirectory(this.path);
    return this.path;
  }
}

function moveDirectory(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (errnoOf(error) !== "EXDEV") throw error;
    cpSync(from, to, { recursive: true, verbatimSymlinks: true });
    rmSync(from, { recursive: true, force: true });
  }
}

/** A test's full name as one path segment. */
export function directoryName(testName: string): string {
  const safe = testName.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replaceAll(/^[-.]+|-+$/g, "");
  return safe.slice(0, 120) || "unnamed";
}

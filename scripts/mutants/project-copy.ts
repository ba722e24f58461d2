import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import type { Mutant, NamedTest } from "./mutant";
import { plant } from "./mutant";

/** A test that hangs because of a bug is a test that fails; what hangs beyond that is killed. */
const TEST_TIMEOUT_MS = 45_000;
const RUN_TIMEOUT_MS = (tests: number): number => 120_000 + tests * TEST_TIMEOUT_MS;

export interface Outcome {
  readonly status: string;
  /** What the test said, its first line. */
  readonly message: string;
}

/** The project as it stands in the work tree, in a directory of its own: bugs are planted there and nowhere else. */
export class ProjectCopy {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  static async make(original: string): Promise<ProjectCopy> {
    const root = mkdtempSync(join(tmpdir(), "neon-mutants-"));
    // The nodes' user starts the engine from there.
    chmodSync(root, 0o755);
    const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
    const { stdout } = await execa("git", list, { cwd: original });
    for (const name of stdout.split("\0").filter((each) => each !== "")) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      copyFileSync(join(original, name), join(root, name));
    }
    symlinkSync(join(original, "node_modules"), join(root, "node_modules"));
    return new ProjectCopy(root);
  }

  /** Runs `work` with the bug in the source and in the engine's bundle. */
  async with<T>(mutant: Mutant, work: () => Promise<T>): Promise<T> {
    const path = join(this.#root, mutant.file);
    const source = readFileSync(path, "utf8");
    try {
      writeFileSync(path, plant(source, mutant));
      await this.build();
      return await work();
    } finally {
      writeFileSync(path, source);
    }
  }

  async build(): Promise<void> {
    await execa("node", ["scripts/build-engine.mjs"], { cwd: this.#root });
  }

  /** Runs these tests, and says of each how it ended. */
  async run(tests: readonly NamedTest[]): Promise<Map<NamedTest, Outcome>> {
    const report = join(this.#root, "report.json");
    rmSync(report, { force: true });
    const names = [...new Set(tests.map(({ test }) => test.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)))];
    const args = [
      ...["run", ...new Set(tests.map(({ file }) => file)), "-t", `^(${names.join("|")})$`],
      ...["--maxWorkers=1", `--testTimeout=${TEST_TIMEOUT_MS}`, "--reporter=json", `--outputFile=${report}`],
    ];
    const { NEON_BIN: _bin, POSTGRES_DISTRIB_DIR: _distrib, ...env } = process.env;
    const { all } = await execa("node", ["node_modules/vitest/vitest.mjs", ...args], {
      ...{ cwd: this.#root, reject: false, all: true, timeout: RUN_TIMEOUT_MS(tests.length) },
      // Built already; and the embedded engine, whatever else the environment names.
      ...{ env: { ...env, NEON_TEST_BUILT: "1" }, extendEnv: false },
    });
    return new Map(tests.map((each) => [each, outcomeOf(report, join(this.#root, each.file), each.test, all)]));
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

interface Report {
  testResults: {
    name: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

function outcomeOf(report: string, file: string, test: string, output: string): Outcome {
  let text: string;
  try {
    text = readFileSync(report, "utf8");
  } catch {
    return { status: "no report", message: output.trim().split("\n").slice(-3).join(" ") };
  }
  const results = (JSON.parse(text) as Report).testResults.filter(({ name }) => name === file);
  const found = results.flatMap(({ assertionResults }) => assertionResults).filter(({ fullName }) => fullName === test);
  const worst = found.find(({ status }) => status === "failed") ?? found[0];
  if (worst === undefined) return { status: "not found", message: "" };
  const [message = ""] = worst.failureMessages[0]?.split("\n") ?? [];
  // So vitest's report calls a test that takes too long.
  return { status: worst.status, message: message.endsWith("STACK_TRACE_ERROR") ? "it took too long" : message };
}

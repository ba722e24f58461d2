import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { makeTestDirectory } from "../../harness/testing";
import { PROJECT_ROOT } from "../project";
import { neonTest } from "./command";

interface Assertion {
  title: string;
  status: "passed" | "failed" | "skipped" | "pending";
  failureMessages: string[];
}

/** Tests written as text, in a folder of the project, that the command runs in place of `regress`; for self-tests. */
export class InlineSuite implements Disposable {
  /** TEST_OUTPUT of its runs. */
  readonly output: string;
  readonly #dir: string;
  readonly #scratch = makeTestDirectory("neon-inline-suite");

  constructor(files: Readonly<Record<string, string>>) {
    mkdirSync(join(PROJECT_ROOT, "test_output"), { recursive: true });
    this.#dir = mkdtempSync(join(PROJECT_ROOT, "test_output", "self-test-"));
    this.output = join(this.#scratch, "output");
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(
        join(this.#dir, `${name}.test.ts`),
        `import { expect, requires, test } from "../../fixtures";\n${text}`,
      );
    }
    const include = JSON.stringify([`${relative(PROJECT_ROOT, this.#dir)}/*.test.ts`]);
    const config = `import project from "../../vitest.config";
      const { test } = project.test.projects.find((each) => each.test.name === "regress");
      export default { test: { ...project.test, projects: [{ test: { ...test, include: ${include} } }] } };`;
    writeFileSync(join(this.#dir, "vitest.config.ts"), config);
  }

  /** Starts `neon-test` on it. */
  start(args: readonly string[] = [], env: Record<string, string> = {}) {
    const report = ["--reporter=json", `--outputFile=${join(this.#scratch, "report.json")}`];
    const config = `--config=${join(this.#dir, "vitest.config.ts")}`;
    return neonTest([...args, "--", config, ...report], { TEST_OUTPUT: this.output, SCRATCH: this.#scratch, ...env });
  }

  /** What the JSON reporter says of a test after the run. */
  result(title: string): Assertion {
    const report = JSON.parse(readFileSync(join(this.#scratch, "report.json"), "utf8")) as {
      testResults: { assertionResults: Assertion[] }[];
    };
    const found = report.testResults.flatMap((file) => file.assertionResults).find((each) => each.title === title);
    if (found === undefined) throw new Error(`the report has no test ${title}`);
    return found;
  }

  /** A file that a test has written into `process.env.SCRATCH`. */
  note(name: string): unknown {
    return JSON.parse(readFileSync(join(this.#scratch, name), "utf8"));
  }

  hasNote(name: string): boolean {
    return existsSync(join(this.#scratch, name));
  }

  /** The processes that still have one of its directories in their command line. */
  leftovers(): string[] {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return pids
      .map((pid) => commandLine(pid))
      .filter((text) => text.includes(this.#scratch) || text.includes(this.#dir));
  }

  [Symbol.dispose](): void {
    for (const dir of [this.#dir, this.#scratch]) rmSync(dir, { recursive: true, force: true });
    try {
      rmdirSync(join(PROJECT_ROOT, "test_output"));
    } catch {
      // It has what other runs left.
    }
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    // It ended while we looked.
    return "";
  }
}

/** The command's own last line; the JSON reporter says after it where it has written. */
export function lastLine(stdout: string): string | undefined {
  const lines = stdout.trimEnd().split("\n");
  return lines.findLast((line) => !line.startsWith("JSON report written to "));
}

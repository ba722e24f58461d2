import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeTestDirectory } from "../../harness/testing";
import { PACKAGE_ROOT } from "../project";
import { neonTest } from "./command";

interface Assertion {
  title: string;
  status: "passed" | "failed" | "skipped" | "pending";
  failureMessages: string[];
}

/** Tests written as text, a project of their own that uses this package; for self-tests of the command. */
export class InlineSuite implements Disposable {
  /** TEST_OUTPUT of its runs. */
  readonly output: string;
  /** Where its tests stand, and where the command is started. */
  readonly root: string;
  /** Where its tests leave notes: `process.env.SCRATCH`. */
  readonly scratch = makeTestDirectory("neon-inline-suite");

  constructor(files: Readonly<Record<string, string>>) {
    mkdirSync(join(PACKAGE_ROOT, "test_output"), { recursive: true });
    this.root = mkdtempSync(join(PACKAGE_ROOT, "test_output", "self-test-"));
    this.output = join(this.scratch, "output");
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(this.root, `${name}.test.ts`), `import { expect, requires, test } from "neon-test";\n${text}`);
    }
    // By this the command knows it for another project, whose tests it runs with the fixtures of this one.
    writeFileSync(join(this.root, "package.json"), JSON.stringify({ devDependencies: { "neon-test": "*" } }));
  }

  /** Writes a test file; the imports are added. */
  write(name: string, text: string): void {
    writeFileSync(join(this.root, `${name}.test.ts`), `import { expect, requires, test } from "neon-test";\n${text}`);
  }

  /** Starts `neon-test` on it. */
  start(args: readonly string[] = [], env: Record<string, string> = {}, timeoutMs?: number) {
    const report = ["--reporter=json", `--outputFile=${join(this.scratch, "report.json")}`];
    const variables = { TEST_OUTPUT: this.output, SCRATCH: this.scratch, ...env };
    return neonTest([...args, "--", ...report], variables, { cwd: this.root, timeoutMs });
  }

  /** What the JSON reporter says of a test after the run. */
  result(title: string): Assertion {
    const report = JSON.parse(readFileSync(join(this.scratch, "report.json"), "utf8")) as {
      testResults: { assertionResults: Assertion[] }[];
    };
    const found = report.testResults.flatMap((file) => file.assertionResults).find((each) => each.title === title);
    if (found === undefined) throw new Error(`the report has no test ${title}`);
    return found;
  }

  /** A file that a test has written into `process.env.SCRATCH`. */
  note(name: string): unknown {
    return JSON.parse(readFileSync(join(this.scratch, name), "utf8"));
  }

  /** Whether it is there with its content, which comes a moment after its name. */
  hasNote(name: string): boolean {
    return (statSync(join(this.scratch, name), { throwIfNoEntry: false })?.size ?? 0) > 0;
  }

  /** The processes that still have one of its directories in their command line or in their environment. */
  leftovers(): string[] {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
    return pids.flatMap((pid) => {
      const texts = [textOf(pid, "cmdline"), textOf(pid, "environ")];
      const isOurs = texts.some((text) => text.includes(this.scratch) || text.includes(this.root));
      return isOurs ? [`${pid} ${texts[0]}`] : [];
    });
  }

  [Symbol.dispose](): void {
    for (const dir of [this.root, this.scratch]) rmSync(dir, { recursive: true, force: true });
    try {
      rmdirSync(join(PACKAGE_ROOT, "test_output"));
    } catch {
      // It has what other runs left.
    }
  }
}

function textOf(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8").replaceAll("\0", " ");
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

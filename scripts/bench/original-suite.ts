import { copyFileSync, existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { Engine } from "../../harness/engine";
import { childEnvironment } from "../../harness/process";
import type { ProcessIdentity } from "../../harness/process";
import { HarnessError } from "../../harness/types";
import { makeOwned } from "./bench-directory";
import type { Behaviour } from "./behaviours";
import { readPhases } from "./phases";
import type { TestPhases } from "./phases";

const OURS = join(dirname(fileURLToPath(import.meta.url)), "original");
const HALF_AN_HOUR_MS = 30 * 60_000;

export interface OriginalRun {
  /** From the start of pytest to its end. */
  seconds: number;
  tests: TestPhases[];
}

/** Neon's Python test_runner, run by pytest as the nodes' user, on the binaries that our side uses. */
export class OriginalSuite {
  readonly #options: { dir: string; python: string; workDir: string };
  readonly #engine: Engine;
  readonly #buildType: string;

  constructor(options: { dir: string; python: string; workDir: string; buildType: string }, engine: Engine) {
    this.#options = options;
    this.#engine = engine;
    this.#buildType = options.buildType;
    for (const name of ["tmp", "output"]) makeOwned(join(options.workDir, name), this.#identity);
    for (const file of readdirSync(OURS)) copyFileSync(join(OURS, file), join(options.workDir, file));
  }

  /** Throws BINARY_MISSING or BINARY_BROKEN when the original can't run here. */
  async check(): Promise<void> {
    if (!existsSync(join(this.#engine.facts.neonBin, "neon_local"))) {
      throw missing("neon_local", `neon_local in ${this.#engine.facts.neonBin}`, "build it as well");
    }
    const tini = await this.#spawn(["tini", "--version"]);
    if (tini.exitCode !== 0) {
      // Its every stop of a node waits until somebody has reaped it.
      throw missing(
        "tini",
        "tini on the PATH, the subreaper below which the original runs",
        "e.g. apt-get install tini",
      );
    }
    const modules = "import pytest, xdist, pytest_timeout, psycopg2, moto";
    const imports = await this.#spawn([this.#options.python, "-c", modules]);
    if (imports.exitCode !== 0) {
      throw new HarnessError("BINARY_BROKEN", {
        summary: "that Python can't run the original",
        expected: `a Python with what the original's pyproject.toml asks for: ${this.#options.python}`,
        found: imports.all.trim().split("\n").at(-1) ?? "",
        todo: "install it there, or name another interpreter with --python PATH",
      });
    }
  }

  /** Imports everything once and finds out whether every test is there; throws COMMAND_FAILED where one is not. */
  async collect(behaviours: readonly Behaviour[]): Promise<void> {
    const result = await this.#pytest(["--collect-only", "-q", ...behaviours.map((each) => this.#id(each.original))]);
    if (result.exitCode !== 0) throw failed("the original has not all of the tests", result.all);
  }

  /** Set-up, body and teardown of the plainest test. */
  async runPlainest(): Promise<TestPhases> {
    const file = join(this.#options.workDir, "test_one_second.py");
    // Outside of the original's folder its conftest.py is a plugin like any other.
    const { tests } = await this.#run(["-p", "conftest", file], 2);
    const plainest = tests.find(({ test }) => test.includes("::test_one_second["));
    if (plainest === undefined) throw failed("the plainest test did not run", tests.map(({ test }) => test).join("\n"));
    return plainest;
  }

  async run(behaviours: readonly Behaviour[], workers: number): Promise<OriginalRun> {
    const ids = behaviours.map((each) => this.#id(each.original));
    return this.#run([...(workers > 1 ? ["-n", `${workers}`] : []), ...ids], ids.length);
  }

  async #run(args: readonly string[], expected: number): Promise<OriginalRun> {
    const phasesFile = join(this.#options.workDir, "tmp", "phases.jsonl");
    rmSync(phasesFile, { force: true });
    const started = performance.now();
    const result = await this.#pytest(args, { BENCH_PHASES: phasesFile });
    const seconds = (performance.now() - started) / 1000;
    if (result.exitCode !== 0) throw failed("tests of the original failed", result.all);
    const tests = readPhases(readFileSync(phasesFile, "utf8"));
    const passed = tests.filter((test) => test.passed).length;
    // A test that is skipped takes no time.
    if (passed !== expected) throw failed(`${passed} of the original's ${expected} tests passed`, result.all);
    return { seconds, tests };
  }

  #id(original: string): string {
    const [name = "", parameter] = original.replace(/\]$/, "").split("[");
    const fixed = `${this.#buildType}-pg${this.#engine.defaultPgVersion()}`;
    return `test_runner/regress/${name}[${parameter === undefined ? fixed : `${fixed}-${parameter}`}]`;
  }

  get #identity(): ProcessIdentity | undefined {
    return this.#engine.facts.identity;
  }

  #pytest(args: readonly string[], extra: Record<string, string> = {}) {
    const quiet = ["-o", "log_cli=false", "-p", "no:cacheprovider"];
    const plugin = extra["BENCH_PHASES"] === undefined ? [] : ["-p", "phases"];
    const ini = ["-c", "pytest.ini", "--rootdir", this.#options.dir];
    const pytest = [this.#options.python, "-m", "pytest", ...ini, ...quiet, ...plugin, ...args];
    return this.#spawn(["tini", "-s", "--", ...pytest], extra);
  }

  async #spawn(command: readonly string[], extra: Record<string, string> = {}) {
    const [program = "", ...args] = command;
    const { exitCode, all } = await execa(program, args, {
      cwd: this.#options.dir,
      reject: false,
      all: true,
      stdin: "ignore",
      timeout: HALF_AN_HOUR_MS,
      extendEnv: false,
      env: { ...this.#environment(), ...extra },
      ...(this.#identity === undefined ? {} : { uid: this.#identity.uid, gid: this.#identity.gid }),
    });
    return { exitCode, all };
  }

  #environment(): Record<string, string> {
    const { workDir, dir } = this.#options;
    return childEnvironment(workDir, {
      TMPDIR: join(workDir, "tmp"),
      TEST_OUTPUT: join(workDir, "output"),
      NEON_BIN: this.#engine.facts.neonBin,
      POSTGRES_DISTRIB_DIR: this.#engine.facts.pgDistribDir,
      DEFAULT_PG_VERSION: `${this.#engine.defaultPgVersion()}`,
      BUILD_TYPE: this.#buildType,
      PYTHONPATH: `${join(dir, "test_runner")}:${workDir}`,
      // Compiled once, also where that user can't write into the checkout.
      PYTHONPYCACHEPREFIX: join(workDir, "tmp", "pycache"),
    });
  }
}

const missing = (what: string, expected: string, todo: string): HarnessError =>
  new HarnessError("BINARY_MISSING", { summary: `the original needs ${what}`, expected, found: "nothing", todo });

const failed = (summary: string, output: string): HarnessError =>
  new HarnessError("COMMAND_FAILED", {
    summary,
    expected: "tests that pass; the time of any other says nothing",
    logTail: output.trimEnd().split("\n").slice(-40).join("\n"),
  });

import type { Reporter, TestCase, TestModule, TestProject, TestSpecification, Vitest } from "vitest/node";
import { registerDirectory } from "../../../harness/process";
import { HarnessError } from "../../../harness/types";
import { COMMON } from "./projects";
import type { VitestProject } from "./projects";
import { WorkerProcess } from "./worker-process";

export interface SessionOptions {
  readonly root: string;
  readonly projects: readonly VitestProject[];
  readonly reporters: readonly Reporter[];
  readonly maxWorkers: number;
  /** Each worker by itself stops at its first failure. Vitest can count further, but not well: see RunReporter. */
  readonly stopAtFirst: boolean;
  readonly interceptConsole: boolean;
  readonly timeoutMs: number | undefined;
  /** Shuffles the tests of each file. */
  readonly shuffleSeed: number | undefined;
  readonly watch: boolean;
  /** What was typed for vitest itself. */
  readonly rest: readonly string[];
}

/** Which tests of a file are to run; all of them without ids. */
export interface Target {
  readonly project: TestProject;
  readonly moduleId: string;
  readonly testIds?: readonly string[];
}

/** Vitest in this process: finds the tests, runs them in workers, and tells the reporters. */
export class VitestSession {
  readonly #vitest: Vitest;
  #begun = false;

  private constructor(vitest: Vitest) {
    this.#vitest = vitest;
  }

  static async create(options: SessionOptions): Promise<VitestSession> {
    const { createVitest, parseCLI } = await import("vitest/node");
    const { reporter = [], ...passed } = parseCLI(["vitest", "run", ...options.rest]).options as {
      reporter?: string[];
    };
    const signals = keepSignalHandlers();
    const vitest = await createVitest("test", {
      ...COMMON,
      root: options.root,
      config: false,
      watch: options.watch,
      pool: { name: "neon-test", createPoolWorker: (worker) => new WorkerProcess(worker) },
      projects: [...options.projects],
      reporters: [...options.reporters, ...reporter],
      maxWorkers: options.maxWorkers,
      bail: options.stopAtFirst ? 1 : 0,
      disableConsoleIntercept: !options.interceptConsole,
      ...(options.timeoutMs === undefined ? {} : { testTimeout: options.timeoutMs }),
      sequence: {
        sequencer: AsGiven,
        ...(options.shuffleSeed === undefined ? {} : { seed: options.shuffleSeed, shuffle: { tests: true } }),
      },
      ...passed,
    });
    signals.restore();
    // Vitest removes its own temporary directories at the end, which a run that is killed doesn't reach.
    for (const { tmpDir } of vitest.projects) registerDirectory(tmpDir);
    return new VitestSession(vitest);
  }

  /** The files that match path filters; all of them without filters. */
  async targets(filters: readonly string[]): Promise<Target[]> {
    return this.#vitest.getRelevantTestSpecifications([...filters]);
  }

  /** Loads the files and returns their tests; nothing is run. Throws COMMAND_FAILED for a file that doesn't load. */
  async collect(targets: readonly Target[]): Promise<TestCase[]> {
    const { testModules } = await this.#vitest.collectTests(targets.map(specification));
    const broken = testModules.filter((module) => module.errors().length > 0);
    if (broken.length > 0) throw cannotLoad(broken);
    return testModules.flatMap((module) => [...module.children.allTests()]);
  }

  async run(targets: readonly Target[], seed: number): Promise<void> {
    for (const project of [this.#vitest.getRootProject(), ...this.#vitest.projects])
      project.config.sequence.seed = seed;
    if (!this.#begun) await this.#vitest.standalone();
    this.#begun = true;
    await this.#vitest.runTestSpecifications(targets.map(specification), true);
  }

  /** Runs the files that match, and again whatever changes; resolves when `ended` does, or when a person presses q. */
  async watch(filters: readonly string[], ended: Promise<void>): Promise<void> {
    const { registerConsoleShortcuts } = await import("vitest/node");
    const closed = new Promise<void>((resolve) => this.#vitest.onClose(resolve));
    const stop = process.stdin.isTTY ? registerConsoleShortcuts(this.#vitest, process.stdin, process.stdout) : () => {};
    await this.#vitest.start([...filters]);
    await Promise.race([ended, closed]);
    stop();
  }

  /** Tests that run are told to end; no further one begins. */
  async cancel(reason: "keyboard-input" | "test-failure"): Promise<void> {
    await this.#vitest.cancelCurrentRun(reason);
  }

  async close(): Promise<void> {
    await this.#vitest.close();
  }
}

/** The order of files is ours. */
class AsGiven {
  async shard(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve(specifications);
  }

  async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve(specifications);
  }
}

function specification({ project, moduleId, testIds }: Target): TestSpecification {
  return project.createSpecification(moduleId, testIds === undefined ? undefined : { testIds: [...testIds] });
}

/** Vitest's own handlers would exit at once, with no tear-down and no last line. */
function keepSignalHandlers(): { restore(): void } {
  const signals = ["SIGINT", "SIGTERM"] as const;
  const before = signals.map((signal) => process.listeners(signal));
  return {
    restore: () => {
      for (const [index, signal] of signals.entries()) {
        for (const listener of process.listeners(signal)) {
          if (before[index]?.includes(listener) !== true) process.off(signal, listener);
        }
      }
    },
  };
}

function cannotLoad(modules: readonly TestModule[]): HarnessError {
  const messages = modules.map((module) => `${module.relativeModuleId}: ${module.errors()[0]?.message ?? ""}`);
  return new HarnessError("COMMAND_FAILED", {
    summary: "test files could not be loaded",
    expected: "every test file to load",
    found: messages.join("\n"),
  });
}

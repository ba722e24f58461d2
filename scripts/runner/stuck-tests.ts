import type { TestCase, TestModule } from "vitest/node";
import { killTree } from "../../harness/process";
import { describeProcessTree } from "../../harness/report";
import { HarnessError } from "../../harness/types";
import { nameOf } from "./test-name";

const LOOK_EVERY_MS = 500;
/** After its own time a test may still tear down, for which vitest allows a minute. */
const FOR_TEAR_DOWN_MS = 75_000;

interface Worker {
  readonly pid: number | undefined;
  readonly files: readonly string[];
  readonly silentMs: number;
}

/**
 * Finds workers that say nothing for longer than any of their tests may take: their event loop is blocked, so vitest's own
 * time-outs in there can't fire. Such a worker is killed with all that it has started, and the run goes on without it.
 */
export class StuckTests implements Disposable {
  readonly #modules = new Map<string, TestModule>();
  readonly #timer: NodeJS.Timeout;
  readonly #workers: () => readonly Worker[];
  readonly #report: (error: HarnessError) => void;

  constructor(workers: () => readonly Worker[], report: (error: HarnessError) => void) {
    this.#workers = workers;
    this.#report = report;
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  collected(module: TestModule): void {
    this.#modules.set(module.moduleId, module);
  }

  ended(module: TestModule): void {
    this.#modules.delete(module.moduleId);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const grace = Number(process.env["NEON_TEST_STUCK_AFTER_MS"] ?? FOR_TEAR_DOWN_MS);
    for (const worker of this.#workers()) {
      const module = worker.files.map((file) => this.#modules.get(file)).find((each) => each !== undefined);
      if (module === undefined) continue;
      const [next, ...later] = [...module.children.allTests("pending")];
      if (next === undefined) continue;
      const allowed = Math.max(...[next, ...later].map(timeoutOf)) + grace;
      if (worker.silentMs > allowed) this.#end(worker, next, allowed);
    }
  }

  #end({ pid }: Worker, test: TestCase, allowed: number): void {
    this.#modules.delete(test.module.moduleId);
    const tree = pid === undefined ? "its worker is gone" : describeProcessTree([pid]);
    this.#report(
      new HarnessError("TEST_HUNG", {
        summary: `the worker of ${nameOf(test)} said nothing for ${allowed} ms, and was killed`,
        expected: "the test to end, or at least its time-out to fire: the worker's event loop was blocked",
        found: tree,
        todo: "look for a loop that never awaits, or for a call that blocks",
        facts: { test: nameOf(test), pid },
      }),
    );
    if (pid !== undefined) void killTree(pid, nameOf(test));
  }
}

const timeoutOf = (test: TestCase): number => test.options.timeout ?? test.project.config.testTimeout;

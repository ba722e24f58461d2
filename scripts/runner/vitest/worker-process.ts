import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { PoolOptions, PoolWorker, WorkerRequest } from "vitest/node";

/** How long a worker may take to end after SIGTERM. */
const STOP_BUDGET_MS = 500;

const running = new Set<WorkerProcess>();

/**
 * Vitest's own forks, but each in a session of its own: a terminal's Ctrl-C, or its end, reaches the command alone, which
 * lets the workers tear down.
 */
export class WorkerProcess implements PoolWorker {
  readonly name = "neon-test";
  readonly cacheFs = true;
  readonly #options: PoolOptions;
  #child: ChildProcess | undefined;
  #files: readonly string[] = [];
  #heardAt = performance.now();

  /** Each worker's process, the files that it runs now, and for how long it has said nothing. */
  static all(): { pid: number | undefined; files: readonly string[]; silentMs: number }[] {
    return [...running].map((worker) => ({
      pid: worker.#child?.pid,
      files: worker.#files,
      silentMs: performance.now() - worker.#heardAt,
    }));
  }

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  on(event: string, callback: (argument: unknown) => void): void {
    this.#started().on(event, callback);
  }

  off(event: string, callback: (argument: unknown) => void): void {
    this.#started().off(event, callback);
  }

  send(message: WorkerRequest): void {
    this.#heardAt = performance.now();
    if (message.type === "run") this.#files = message.context.files.map(({ filepath }) => filepath);
    this.#started().send(message);
  }

  deserialize(data: unknown): unknown {
    return data;
  }

  async start(): Promise<void> {
    const { distPath, env, execArgv } = this.#options;
    this.#child ??= fork(join(distPath, "workers", "forks.js"), [], {
      env: env as NodeJS.ProcessEnv,
      execArgv,
      serialization: "advanced",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      detached: true,
    });
    running.add(this);
    this.#child.on("message", () => (this.#heardAt = performance.now()));
    this.#child.stdout?.on("data", (chunk: Buffer) => process.stdout.write(chunk));
    this.#child.stderr?.on("data", (chunk: Buffer) => process.stderr.write(chunk));
    await Promise.resolve();
  }

  /** SIGTERM, then SIGKILL. */
  async stop(): Promise<void> {
    const child = this.#started();
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      const insist = setTimeout(() => child.kill("SIGKILL"), STOP_BUDGET_MS);
      child.kill("SIGTERM");
      await ended;
      clearTimeout(insist);
    }
    running.delete(this);
    this.#child = undefined;
  }

  #started(): ChildProcess {
    if (this.#child === undefined) throw new Error("the worker was not started");
    return this.#child;
  }
}

import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { registerDirectory } from "../../process";
import { HarnessError } from "../../types";
import type { S3Keys } from "./authenticate";
import type { S3Fault } from "./faults";
import { newKeys } from "./keys";
import type { MockS3Options } from "./server";
import { startError } from "./start-error";
import type { ThreadAnswer, ThreadCall, ThreadStart } from "./thread";

const THREAD = join(dirname(fileURLToPath(import.meta.url)), "../../../dist/mock-s3/thread.js");

export interface MockS3Counts {
  operations: Record<string, number>;
  faults: number;
}

type WithoutId<T> = T extends { id: number } ? Omit<T, "id"> : never;

/**
 * An S3 server in a thread of this process. A thread has its own event loop, so a test that computes doesn't make the
 * nodes' storage slow; it is ready in a fraction of a process' time, and nothing of it can outlive the process.
 */
export class MockS3 implements AsyncDisposable {
  readonly endpoint: string;
  readonly keys: S3Keys;
  readonly region: string;
  readonly #thread: Worker;
  readonly #dir: string | undefined;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #calls = 0;

  private constructor(thread: Worker, options: MockS3Options, port: number, dir: string | undefined) {
    this.#thread = thread;
    this.#dir = dir;
    this.endpoint = `http://127.0.0.1:${port}`;
    this.keys = options.keys;
    this.region = options.region ?? "us-east-1";
    thread.on("message", (answer: ThreadAnswer) => this.#onAnswer(answer));
    thread.on("error", (error) => this.#onEnd(error));
    thread.on("exit", () => this.#onEnd(new Error("it has ended")));
  }

  /** Without a directory objects are kept in a temporary one, which goes with the server. Throws PORT_TAKEN. */
  static async start(options: Partial<MockS3Options> = {}): Promise<MockS3> {
    requireBundle();
    const temporary = options.dir === undefined ? mkdtempSync(join(tmpdir(), "neon-test-s3-")) : undefined;
    if (temporary !== undefined) registerDirectory(temporary);
    const all = { ...options, dir: options.dir ?? temporary, keys: options.keys ?? newKeys() };
    const thread = new Worker(THREAD, { workerData: all, name: "mock_s3", execArgv: [], env: {} });
    const [started] = (await once(thread, "message")) as [ThreadStart];
    if ("error" in started) {
      await thread.terminate();
      throw startError(started.error, all);
    }
    // It must not keep a worker alive that is done.
    thread.unref();
    return new MockS3(thread, all, started.port, temporary);
  }

  /** Replaces the faults that were set before, for one bucket or for all. */
  async setFaults(faults: readonly S3Fault[], bucket?: string): Promise<void> {
    await this.#ask({ call: "set-faults", faults, bucket });
  }

  async createBucket(name: string): Promise<void> {
    await this.#ask({ call: "create-bucket", name });
  }

  /** Drops the bucket with everything in it. */
  async removeBucket(name: string): Promise<void> {
    await this.#ask({ call: "remove-bucket", name });
  }

  /** How many requests it has answered, by operation, and how many of them a fault has hit. */
  async counts(): Promise<MockS3Counts> {
    return (await this.#ask({ call: "counts" })) as MockS3Counts;
  }

  async stop(): Promise<void> {
    await this.#ask({ call: "close" });
    await this.#thread.terminate();
    if (this.#dir !== undefined) rmSync(this.#dir, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #ask(call: WithoutId<ThreadCall>): Promise<unknown> {
    const id = (this.#calls += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#thread.postMessage({ ...call, id });
    });
  }

  #onAnswer({ id, value, error }: ThreadAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(`mock_s3: ${error}`));
  }

  #onEnd(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(`mock_s3: ${error.message}`, { cause: error }));
    this.#waiting.clear();
  }
}

function requireBundle(): void {
  if (existsSync(THREAD)) return;
  throw new HarnessError("STALE_ENGINE", {
    summary: "the server of mock_s3 is not built",
    expected: THREAD,
    found: "no such file",
    todo: "run `npm ci`, or `node scripts/build-engine.mjs`",
  });
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { engineProgram, makeTestDirectory, programEnvironment } from "../../../testing";
import { TenantId, TimelineId } from "../../../types";
import type { TenantTimelineId } from "../acceptor-state";

export const newId = (): TenantTimelineId => ({ tenantId: TenantId.generate(), timelineId: TimelineId.generate() });

/** Data directories of the safekeepers of a test file; they go together. */
export class SafekeeperDirectories implements Disposable {
  readonly root = makeTestDirectory("safekeeper-test");
  #count = 0;

  newDirectory(): string {
    this.#count += 1;
    return join(this.root, `sk${this.#count}`);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}

export interface SafekeeperProcessOptions {
  directory?: string;
  flags?: string[];
  /** A CommonJS file that runs first in the process. */
  preload?: string;
}

/** A running safekeeper on ports of the system's choice. */
export class SafekeeperProcess implements AsyncDisposable {
  readonly directory: string;
  readonly log: string[] = [];
  pgPort = 0;
  httpPort = 0;
  readonly #child: ChildProcess;

  private constructor(directory: string, child: ChildProcess) {
    this.directory = directory;
    this.#child = child;
  }

  static async start(
    directories: SafekeeperDirectories,
    options: SafekeeperProcessOptions = {},
  ): Promise<SafekeeperProcess> {
    const directory = options.directory ?? directories.newDirectory();
    const listen = ["--listen-pg", "127.0.0.1:0", "--listen-http", "127.0.0.1:0"];
    const args = ["-D", directory, "--id", "1", ...listen, ...(options.flags ?? [])];
    const preload = options.preload === undefined ? {} : { NODE_OPTIONS: `--require=${options.preload}` };
    const env = { ...programEnvironment, ...preload };
    const child = spawn(engineProgram("safekeeper"), args, { stdio: ["ignore", "pipe", "pipe"], env });
    const safekeeper = new SafekeeperProcess(directory, child);
    await safekeeper.#listening();
    return safekeeper;
  }

  async #listening(): Promise<void> {
    let resolve = (): void => undefined;
    let reject: (error: Error) => void = () => undefined;
    const promise = new Promise<void>((onResolve, onReject) => {
      resolve = onResolve;
      reject = onReject;
    });
    const onLine = (line: string): void => {
      this.log.push(line);
      const match = /is listening: pg .*:(\d+), http .*:(\d+)$/.exec(line);
      if (match === null) return;
      this.pgPort = Number(match[1]);
      this.httpPort = Number(match[2]);
      resolve();
    };
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on("line", onLine);
    }
    this.#child.once("exit", () => reject(new Error(`safekeeper ended:\n${this.log.join("\n")}`)));
    await promise;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Waits for the exit; the code, or the signal that ended it. */
  async kill(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return exitCode ?? signalCode;
    const exited = once(this.#child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    this.#child.kill(signal);
    const [code, killed] = await exited;
    return code ?? killed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL");
  }

  async http(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${this.httpPort}${path}`, init);
    const text = await response.text();
    return { status: response.status, body: text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text };
  }

  async timelineStatus(id: TenantTimelineId): Promise<Record<string, unknown>> {
    const { status, body } = await this.http("GET", `/v1/tenant/${id.tenantId}/timeline/${id.timelineId}`);
    if (status !== 200) throw new Error(`status ${status}: ${JSON.stringify(body)}`);
    return body as Record<string, unknown>;
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { TenantId, TimelineId } from "../../../types";
import type { TenantTimelineId } from "../acceptor-state";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));

export const newId = (): TenantTimelineId => ({ tenantId: TenantId.generate(), timelineId: TimelineId.generate() });

/** One bundle of the real entry point for all processes of a test file, in a directory that goes with it. */
export class SafekeeperBinary implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), "sk-test-"));
  readonly path = join(this.#directory, "safekeeper.cjs");
  #count = 0;

  static async build(): Promise<SafekeeperBinary> {
    const binary = new SafekeeperBinary();
    await build({
      entryPoints: [join(ROOT, "harness/embedded/bin/safekeeper.ts")],
      outfile: binary.path,
      bundle: true,
      platform: "node",
      target: "node20",
      format: "cjs",
      logLevel: "warning",
      external: ["@node-rs/crc32"],
    });
    return binary;
  }

  newDirectory(): string {
    this.#count += 1;
    return join(this.#directory, `sk${this.#count}`);
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
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

  static async start(binary: SafekeeperBinary, options: SafekeeperProcessOptions = {}): Promise<SafekeeperProcess> {
    const directory = options.directory ?? binary.newDirectory();
    const node = options.preload === undefined ? [] : ["--require", options.preload];
    const listen = ["--listen-pg", "127.0.0.1:0", "--listen-http", "127.0.0.1:0"];
    const args = [...node, binary.path, "-D", directory, "--id", "1", ...listen, ...(options.flags ?? [])];
    const env = { PATH: process.env["PATH"], NODE_PATH: join(ROOT, "node_modules") };
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env });
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

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { errorText, hasErrorCode, pause } from "../service";
import { readPostmasterFile } from "./data-directory";

const READY_POLL_MS = 5;
const FAST_STOP_REQUESTED = /LOG: {2}received fast shutdown request/;

export interface PostgresExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Of a line that says why Postgres ends. */
const LAST_WORDS = /(?:FATAL|PANIC): {2}.*/;

/** The number that Postgres shows as server_version_num, such as 170010. Rejects with what was expected and found. */
export async function postgresVersionNumber(program: string): Promise<number> {
  const { stdout } = await promisify(execFile)(program, ["--version"]).catch((error: unknown) => {
    const missing = hasErrorCode(error, "ENOENT") ? "there is no such file" : errorText(error);
    throw new Error(`expected a Postgres at ${program} (--pgbin), but ${missing}`);
  });
  const [, major, minor] = /\(PostgreSQL\) (\d+)(?:\.(\d+))?/.exec(stdout) ?? [];
  if (major === undefined) {
    throw new Error(`${program} --version says ${JSON.stringify(stdout.slice(0, 100))}, expected a Postgres`);
  }
  return Number(major) * 10_000 + Number(minor ?? "0");
}

/** A postmaster that we started. Its log lines go on to `writeLine` without their line ends. */
export class PostgresProcess {
  readonly exited: Promise<PostgresExit>;
  readonly #child: ChildProcess;
  readonly #dataDir: string;
  readonly #fastStop = new AbortController();
  #exit: PostgresExit | undefined;
  #lastWords: string | undefined;

  private constructor(child: ChildProcess, dataDir: string, writeLine: (line: string) => void) {
    this.#child = child;
    this.#dataDir = dataDir;
    this.exited = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve((this.#exit = { code, signal })));
    });
    const follow = (stream: Readable | null) => {
      if (stream !== null) createInterface({ input: stream }).on("line", (line) => this.#onLine(line, writeLine));
    };
    follow(child.stdout);
    follow(child.stderr);
  }

  static start(options: { program: string; dataDir: string; writeLine: (line: string) => void }): PostgresProcess {
    const { program, dataDir, writeLine } = options;
    // How this process allocates memory is its own affair.
    const { MALLOC_ARENA_MAX: _arenas, MALLOC_MMAP_THRESHOLD_: _threshold, ...env } = process.env;
    const child = spawn(program, ["-D", dataDir], { cwd: dataDir, env, stdio: ["ignore", "pipe", "pipe"] });
    return new PostgresProcess(child, dataDir, writeLine);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Aborted when someone, we or another, told the postmaster to stop fast. */
  get fastStopRequested(): AbortSignal {
    return this.#fastStop.signal;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#child.kill(signal);
  }

  /** Resolves when connections are accepted (by a hot standby: read-only ones); rejects when it exits instead. */
  ready(signal: AbortSignal): Promise<void> {
    return this.whileRunning(this.#pollUntilReady(signal));
  }

  /** What `promise` gives, unless Postgres exits first; then it rejects. */
  async whileRunning<T>(promise: Promise<T>): Promise<T> {
    const exited = this.exited.then(({ code, signal }) => {
      const why = this.#lastWords === undefined ? "see the log" : this.#lastWords;
      throw new Error(`Postgres exited during its start with ${signal ?? `code ${code}`}: ${why}`);
    });
    return await Promise.race([exited, promise]);
  }

  async #pollUntilReady(signal: AbortSignal): Promise<void> {
    while (this.#exit === undefined) {
      signal.throwIfAborted();
      const file = readPostmasterFile(this.#dataDir);
      if (file?.pid === this.#child.pid && file?.status === "ready") return;
      await pause(READY_POLL_MS, signal);
    }
  }

  #onLine(line: string, writeLine: (line: string) => void): void {
    if (FAST_STOP_REQUESTED.test(line)) this.#fastStop.abort();
    this.#lastWords = LAST_WORDS.exec(line)?.[0] ?? this.#lastWords;
    writeLine(line);
  }
}

import { nowMs, recordEvent } from "../events";
import { assertPortFree } from "../ports";
import { ManagedProcess } from "../process";
import type { SpawnSpec, StopLadder } from "../process";
import { HarnessError } from "../types";
import type { ExitFacts } from "../types";
import { pollUntil } from "../wait";
import type { Readiness } from "../wait";
import type { NodeContext } from "./context";
import { orPortTaken } from "./port-taken";
import { endOfLogFile, searchLogFile } from "./log-search";
import type { FoundLine, LogCursor } from "./log-search";
import { LogStream } from "./log-stream";

export interface StartOptions {
  /** How long the node may take until it is ready; 20 s when not given. */
  budgetMs?: number;
  /** Added to the node's environment for this start only. */
  environment?: Record<string, string>;
  /** Added to the command line for this start only; of an option that is given twice, Neon's nodes take the last. */
  extraOptions?: readonly string[];
}

export interface StopOptions {
  /** SIGQUIT instead of SIGTERM: the node writes nothing more. */
  immediate?: boolean;
  /** How long the node may take until SIGKILL ends it and `stop` throws; 10 s when not given. */
  budgetMs?: number;
}

/** Starts of nodes of which nothing is left. To look for it again would take as long as the first time. */
const endedFamilies = new WeakSet<ManagedProcess>();

/** One of Neon's processes: it can be started, stopped and killed any number of times, and keeps its directory. */
export abstract class NeonNode implements AsyncDisposable {
  abstract readonly name: string;
  protected readonly context: NodeContext;
  #process: ManagedProcess | undefined;
  #logStream: LogStream | undefined;
  #askedToEnd = false;

  constructor(context: NodeContext) {
    this.context = context;
  }

  /** The node's own log, which has every byte that it wrote since its first start. */
  abstract get logPath(): string;
  protected abstract spawnSpec(): Omit<SpawnSpec, "identity" | "name" | "logPath">;
  protected abstract readiness(): Readiness;
  /** What the node listens on. */
  protected abstract ports(): readonly number[];

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  isRunning(): boolean {
    return this.#process !== undefined && this.#process.isRunning();
  }

  /** The first line of its log, from `from` on, that matches. */
  logContains(pattern: RegExp | string, from?: LogCursor): FoundLine | undefined {
    return searchLogFile(this.logPath, pattern, from);
  }

  /** The end of its log as it is now: `assertLogContains(…, { from })` looks at what comes later. */
  logCursor(): LogCursor {
    return endOfLogFile(this.logPath);
  }

  /** The same as `logContains`, but a node may take up to `budgetMs` to write the line; then WAIT_TIMEOUT. */
  async assertLogContains(
    pattern: RegExp | string,
    options: { from?: LogCursor; budgetMs?: number } = {},
  ): Promise<FoundLine> {
    return pollUntil(`a line that matches ${pattern}`, () => this.logContains(pattern, options.from), {
      budgetMs: options.budgetMs ?? 10_000,
      component: this.name,
      logPath: this.logPath,
    });
  }

  /** How the present start of the node ends; throws MISUSE before the first start. */
  exited(): Promise<ExitFacts> {
    if (this.#process === undefined) {
      throw new HarnessError("MISUSE", { summary: `${this.name} was never started`, todo: "start() it first" });
    }
    return this.#process.exited;
  }

  async start(options: StartOptions = {}): Promise<void> {
    if (this.isRunning()) {
      throw new HarnessError("MISUSE", {
        summary: `${this.name} is started twice`,
        found: `it runs as pid ${this.pid}`,
        todo: "stop() or kill9() it first",
      });
    }
    // Somebody else's server could be taken for this node.
    await Promise.all(this.ports().map((port) => assertPortFree(port, this.name)));
    const spec = this.spawnSpec();
    const identity = this.context.engine.facts.identity;
    this.#askedToEnd = false;
    const from = this.logCursor();
    this.#process = await ManagedProcess.spawn({
      ...spec,
      args: [...spec.args, ...(options.extraOptions ?? [])],
      name: this.name,
      logPath: this.logPath,
      env: { ...this.context.environment, ...spec.env, ...options.environment },
      ...(identity === undefined ? {} : { identity }),
    });
    this.#logStream?.[Symbol.dispose]();
    this.#logStream = LogStream.ifWanted(this.name, this.logPath);
    await this.#becomeReady(options.budgetMs ?? 20_000, from);
  }

  async #becomeReady(budgetMs: number, from: LogCursor): Promise<void> {
    const process = this.#process;
    if (process === undefined) return;
    try {
      const at = nowMs();
      await this.readiness().wait({ process, budgetMs });
      recordEvent({ kind: "ready", node: this.name, pid: process.pid, ms: nowMs() - at }, this.logPath, at);
    } catch (error) {
      // A node that never got ready must not live on behind the error.
      await process.killFamily();
      const said = (pattern: RegExp): FoundLine | undefined => this.logContains(pattern, from);
      throw await orPortTaken({ name: this.name, ports: this.ports(), said }, error);
    }
  }

  /** How the node ended if nobody asked it to: it crashed, or somebody outside of the harness ended it. */
  endedUnasked(): ExitFacts | undefined {
    return this.#askedToEnd ? undefined : this.#process?.exitFacts();
  }

  /** Ends the node; throws NODE_WILL_NOT_STOP when only SIGKILL could. A node that isn't running is left as it is. */
  async stop(options: StopOptions = {}): Promise<void> {
    if (this.#process === undefined) return;
    this.#askedToEnd = true;
    const signal = this.stopSignal(options);
    await stopWithin(this.#process, this.name, { steps: [{ signal, budgetMs: options.budgetMs ?? 10_000 }] });
  }

  protected stopSignal(options: StopOptions): NodeJS.Signals {
    return options.immediate === true ? "SIGQUIT" : "SIGTERM";
  }

  /** Ends the node, and all that it started, as a power cut would: no handler runs. Resolves when they are gone. */
  async kill9(): Promise<void> {
    this.#askedToEnd = true;
    await NeonNode.killAtOnce([this]);
    this.#logStream?.[Symbol.dispose]();
    this.#logStream = undefined;
  }

  /** SIGKILL for all these nodes and for all that they started; what `kill9` does besides is left to it. */
  static async killAtOnce(nodes: readonly NeonNode[]): Promise<void> {
    const processes = nodes.flatMap((node) => (node.#process === undefined ? [] : [node.#process]));
    const families = processes.filter((process) => !endedFamilies.has(process));
    await ManagedProcess.killFamilies(families);
    for (const process of families) endedFamilies.add(process);
  }

  /** Whether the node ended by itself within the budget. */
  protected async waitForExit(budgetMs: number): Promise<boolean> {
    const process = this.#process;
    if (process === undefined) return true;
    try {
      await pollUntil(`the end of ${this.name}`, () => process.exitFacts(), { budgetMs, intervalMs: 5 });
      return true;
    } catch (error) {
      if (HarnessError.is(error, "WAIT_TIMEOUT")) return false;
      throw error;
    }
  }

  async restart(options: StopOptions & StartOptions = {}): Promise<void> {
    await this.stop(options);
    await this.start(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Walks the ladder; a process that has to be killed is an error that names the phase. */
export async function stopWithin(process: ManagedProcess, name: string, ladder: StopLadder): Promise<void> {
  const facts = await process.stop(ladder);
  if (facts.signal !== "SIGKILL" || ladder.steps.length === 0) return;
  const asked = ladder.steps.map((step) => `${step.signal} (${step.budgetMs} ms)`).join(", then ");
  throw new HarnessError("NODE_WILL_NOT_STOP", {
    summary: `${name} did not stop and was killed; phase: stop`,
    expected: `an end after ${asked}`,
    found: `pid ${process.pid} was still running; SIGKILL ended it`,
    todo: "see what it was waiting for in the end of its log",
    facts: { component: name, phase: "stop", pid: process.pid, ladder: asked },
    logPath: process.logPath,
    logTail: await process.logTail(),
  });
}

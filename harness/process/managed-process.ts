import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { nowMs, recordEvent } from "../events";
import type { NewEvent } from "../events";
import { HarnessError, describeExit } from "../types";
import type { ExitFacts, WatchedProcess } from "../types";
import { PROCESS_MARK, childEnvironment } from "./environment";
import type { ProcessIdentity } from "./identity";
import { killFamilies } from "./kill-tree";
import type { FamilyRoot } from "./kill-tree";
import { closeLog, openLog, readLogTail } from "./log-file";
import { noteLeftBehind } from "./leaks";
import { startTimeOf } from "./process-table.mjs";
import { recordProcess } from "./run-state";
import { noteSharedMemoryBelow } from "./shared-memory";
import { spawnError } from "./spawn-error";
import { climbDown, describeStop } from "./stop-ladder";
import type { StopFacts, StopLadder } from "./stop-ladder";

export interface SpawnSpec {
  /** The component's name, for messages: `pageserver-1`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Nothing is inherited except PATH; HOME, TMPDIR and LANG have defaults. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** stdout and stderr go there from the first byte on, appended; mode 0644. */
  readonly logPath: string;
  /** Whom to run as; only root may say so. */
  readonly identity?: ProcessIdentity | undefined;
}

const living = new Set<ManagedProcess>();

/**
 * One child process, in a session of its own (so Ctrl-C reaches only the runner). It uses node:child_process and not
 * execa: the output goes to a file without passing through us, and the embedded engine bundles this file.
 */
export class ManagedProcess implements WatchedProcess {
  readonly name: string;
  readonly pid: number;
  readonly logPath: string;
  readonly logStart: number;
  readonly exited: Promise<ExitFacts>;
  readonly #child: ChildProcess;
  readonly #mark: string;
  readonly #startTime: string | undefined;
  #exitFacts: ExitFacts | undefined;

  private constructor(spec: SpawnSpec, child: ChildProcess & { pid: number }, logStart: number, mark: string) {
    this.name = spec.name;
    this.pid = child.pid;
    this.logPath = spec.logPath;
    this.logStart = logStart;
    this.#child = child;
    this.#mark = mark;
    this.#startTime = startTimeOf(child.pid);
    this.exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.#exitFacts = { code, signal, at: new Date() };
        living.delete(this);
        this.#record({ kind: "exit", pid: this.pid, how: describeExit(this.#exitFacts) });
        resolve(this.#exitFacts);
      });
    });
  }

  /** Resolves once the program is running; throws BINARY_MISSING, SPAWN_FAILED or DISK_FULL when it can't be. */
  static async spawn(spec: SpawnSpec): Promise<ManagedProcess> {
    const log = openLog(spec.logPath);
    const mark = randomUUID();
    try {
      const child = spawn(spec.command, [...spec.args], {
        cwd: spec.cwd,
        env: { ...childEnvironment(spec.cwd, spec.env, spec.identity), [PROCESS_MARK]: mark },
        stdio: ["ignore", log.fd, log.fd],
        detached: true,
        ...(spec.identity === undefined ? {} : { uid: spec.identity.uid, gid: spec.identity.gid }),
      });
      if (!hasPid(child)) throw (await once(child, "error"))[0];
      const started = new ManagedProcess(spec, child, log.start, mark);
      living.add(started);
      recordProcess(started.pid, started.name);
      const command = [spec.command, ...spec.args].join(" ");
      recordEvent({ kind: "spawn", node: spec.name, pid: started.pid, command }, spec.logPath);
      return started;
    } catch (error) {
      throw spawnError(spec, error);
    } finally {
      closeLog(log);
    }
  }

  /** How it ended; undefined while it runs. */
  exitFacts(): ExitFacts | undefined {
    return this.#exitFacts;
  }

  isRunning(): boolean {
    return this.#exitFacts === undefined;
  }

  /** Sends a signal to this one process; to a dead one it does nothing. */
  kill(signal: NodeJS.Signals): void {
    if (!this.isRunning()) return;
    if (signal === "SIGKILL") noteSharedMemoryBelow(this.pid);
    this.#record({ kind: "kill", pid: this.pid, signal });
    this.#child.kill(signal);
  }

  /**
   * SIGKILL for it and for all that descends from it (children of children, daemons that left its session), also when
   * it is dead itself. Resolves when none of them runs; throws NODE_WILL_NOT_STOP after 10 s.
   */
  async killFamily(): Promise<void> {
    await ManagedProcess.killFamilies([this]);
  }

  /** The same for several processes, with one look at the machine's processes for all of them. */
  static async killFamilies(processes: readonly ManagedProcess[]): Promise<void> {
    for (const each of processes) {
      if (each.isRunning()) each.#record({ kind: "kill", pid: each.pid, signal: "SIGKILL" });
    }
    // What a node has left that ended before is a leak; what a kill of it takes along is none.
    const ended = processes.filter((each) => !each.isRunning());
    const running = processes.filter((each) => each.isRunning());
    const names = ended.map(({ name }) => name).join(", ");
    await killFamilies(
      ended.map((each) => each.#familyRoot()),
      (rows) => noteLeftBehind(names, rows),
    );
    await killFamilies(running.map((each) => each.#familyRoot()));
    await Promise.all(processes.map(async ({ exited }) => exited));
  }

  #familyRoot(): FamilyRoot {
    const marker = `${PROCESS_MARK}=${this.#mark}`;
    return { pid: this.pid, startTime: this.#startTime, name: this.name, marker };
  }

  /** Goes down the ladder until the process is dead and says which step it took; one that is dead already is fine. */
  async stop(ladder: StopLadder): Promise<StopFacts> {
    const at = nowMs();
    const facts = await climbDown(this, ladder);
    recordEvent(
      { kind: "stop", node: this.name, pid: this.pid, how: describeStop(facts), ms: facts.tookMs },
      this.logPath,
      at,
    );
    return facts;
  }

  /** Those that this process has started and that still run. */
  static all(): readonly ManagedProcess[] {
    return [...living];
  }

  #record(event: NewEvent): void {
    recordEvent({ ...event, node: this.name }, this.logPath);
  }

  /** Throws NODE_DIED when the process has ended. */
  async assertRunning(phase: string): Promise<void> {
    const exit = this.#exitFacts;
    if (exit === undefined) return;
    throw new HarnessError("NODE_DIED", {
      summary: `${this.name} died: ${describeExit(exit)}`,
      expected: `it to run during: ${phase}`,
      logPath: this.logPath,
      logTail: await this.logTail(),
      facts: { component: this.name, pid: this.pid, phase, ...exit },
    });
  }

  /** The last lines (default 20) that this start of the process wrote. */
  async logTail(lines?: number): Promise<string> {
    return readLogTail(this.logPath, lines, this.logStart);
  }
}

const hasPid = (child: ChildProcess): child is ChildProcess & { pid: number } => child.pid !== undefined;

import { PgConnection } from "../../wire";
import { errorText, type Logger } from "../service";
import { applySpec } from "./catalog/apply-spec";
import { runMigrations } from "./catalog/migrations";
import { installedExtensions } from "./catalog/report";
import type { CommandLine } from "./command-line";
import { ComputeState } from "./compute-state";
import { emptyDataDirectory, writePostgresqlConf } from "./data-directory";
import { ComputeMetrics } from "./http/metrics";
import { keepLeased } from "./lsn-lease";
import { postgresqlConf } from "./postgres-conf";
import { readSpecFile } from "./parse-spec";
import { readLeftSlots } from "./slots/left-slots";
import type { ComputeSpec } from "./spec";
import { type RunningParts, startPrimary, startReplica, type Startup, startStatic } from "./startup";

export interface ComputeNodeOptions {
  commandLine: CommandLine;
  log: Logger;
  /** Where Postgres' own log lines go. */
  writeLine: (line: string) => void;
}

/** One compute: brings Postgres up at the end of the safekeepers' WAL and stays with it until it exits. */
export class ComputeNode {
  readonly state: ComputeState;
  readonly metrics = new ComputeMetrics();
  readonly #options: ComputeNodeOptions;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #panicked = new AbortController();
  readonly #ended = new AbortController();
  readonly #parts: RunningParts = {};
  #dataDir = "";
  #wasTerminated = false;
  #finish: () => void = () => undefined;
  readonly #finished = new Promise<void>((resolve) => (this.#finish = resolve));
  #panic: Error | undefined;

  constructor(options: ComputeNodeOptions) {
    this.#options = options;
    this.#log = options.log;
    this.state = new ComputeState(options.log);
  }

  /** Starts the compute. When it rejects, nothing of it runs any more and the state is `failed`. */
  async start(): Promise<void> {
    const span = this.#log.span("start_compute");
    try {
      await this.#start(span);
    } catch (error) {
      const reason = this.#panic ?? error;
      await this.#abandon();
      this.state.fail(reason);
      throw reason;
    }
    this.state.metrics.finished();
    this.state.change("running");
    this.#keepLeased();
    span.info(`compute start finished metrics=${JSON.stringify(this.state.metrics)}`);
  }

  /** Postgres' exit code, when it has exited and the safekeepers know the end of its WAL; 1 when we had to kill it. */
  async wait(): Promise<number> {
    const exit = await this.#parts.postgres?.exited;
    this.#ended.abort();
    this.#log.info(`Postgres exited with ${exit?.signal ?? `code ${exit?.code}`}, shutting down`);
    await this.#parts.walproposer?.stop();
    this.state.change("terminated");
    this.#finish();
    return this.#panic === undefined ? (exit?.code ?? 1) : 1;
  }

  /** SIGINT: a fast stop; SIGQUIT: an immediate one. A start under way is given up. */
  stop(signal: "SIGINT" | "SIGQUIT"): void {
    if (this.state.status === "running") this.state.change("termination_pending");
    this.#stop.abort(new Error("told to stop"));
    this.#ended.abort();
    this.#parts.postgres?.signal(signal);
  }

  /** A fast stop that /terminate asked for; resolves when Postgres has exited and the safekeepers know its last WAL. */
  async terminate(): Promise<void> {
    this.state.change("termination_pending");
    this.#wasTerminated = true;
    this.#ended.abort();
    this.#parts.postgres?.signal("SIGINT");
    await this.#finished;
  }

  get wasTerminated(): boolean {
    return this.#wasTerminated;
  }

  get stopRequested(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Takes a new spec while running: postgresql.conf, safekeepers, roles and databases. Where that fails the state is
   * `failed`, while Postgres goes on.
   */
  async configure(spec: ComputeSpec): Promise<void> {
    this.state.change("configuration_pending");
    this.state.spec = spec;
    this.state.change("configuration");
    try {
      await this.#reconfigure(spec);
    } catch (error) {
      this.#log.error(`could not configure compute node: ${errorText(error)}`);
      return this.state.fail(error);
    }
    this.#log.info(`finished reconfiguration of compute node for operation ${spec.operation}`);
    this.state.change("running");
  }

  async #reconfigure(spec: ComputeSpec): Promise<void> {
    await writePostgresqlConf(this.#dataDir, postgresqlConf(spec, this.commandLine.httpPort));
    this.#parts.postgres?.signal("SIGHUP");
    await this.#parts.walproposer?.changeSafekeepers(spec.safekeepers);
    if (spec.mode.kind === "Primary") await applySpec((database) => this.connect(database), spec, this.#log);
  }

  get commandLine(): CommandLine {
    return this.#options.commandLine;
  }

  connect(database = "postgres"): Promise<PgConnection> {
    const parameters = { application_name: "compute_ctl" };
    return PgConnection.connect({ ...this.#options.commandLine.postgres, database, parameters });
  }

  async #start(log: Logger): Promise<void> {
    const { commandLine } = this;
    const { writeLine } = this.#options;
    const { metrics } = this.state;
    const spec = await readSpecFile(commandLine.specPath);
    this.state.spec = spec;
    const leftSlots = readLeftSlots(commandLine.pgdata);
    this.#dataDir = await emptyDataDirectory(commandLine.pgdata);
    const startup: Startup = {
      ...{ spec, commandLine, dataDir: this.#dataDir, metrics, log, writeLine },
      signal: AbortSignal.any([this.#stop.signal, this.#panicked.signal]),
      onPanic: (error) => this.#onPanic(error),
      parts: this.#parts,
      connect: (database) => this.connect(database),
      ended: this.#ended.signal,
      leftSlots,
    };
    if (spec.mode.kind === "Static") await startStatic(startup, spec.mode.lsn);
    else if (spec.mode.kind === "Replica") await startReplica(startup);
    else await startPrimary(startup);
    startup.signal.throwIfAborted();
    if (spec.mode.kind === "Primary" && !spec.skipPgCatalogUpdates) {
      await metrics.time("config_ms", () => applySpec((database) => this.connect(database), spec, log));
      // What is not urgent must not hold up the start.
      void this.#inBackground("run migrations", (connection) => runMigrations(connection, log));
    }
    startup.signal.throwIfAborted();
    if (spec.mode.kind === "Primary") void this.#inBackground("get installed extensions", this.#lookForExtensions);
  }

  readonly #lookForExtensions = async (connection: PgConnection): Promise<void> => {
    const found = await installedExtensions(connection, (database) => this.connect(database));
    this.metrics.found(found.extensions);
    this.#log.info(`[NEON_EXT_STAT] ${JSON.stringify(found)}`);
  };

  async #inBackground(what: string, work: (connection: PgConnection) => Promise<void>): Promise<void> {
    try {
      const connection = await this.connect();
      await work(connection).finally(() => connection.destroy());
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#log.error(`Failed to ${what}: ${errorText(error)}`);
    }
  }

  /** A lease that is lost matters to garbage collection only: nothing waits for it. */
  #keepLeased(): void {
    const { spec } = this.state;
    if (spec?.mode.kind !== "Static") return;
    const present = () => ({ spec: this.state.spec ?? spec, changed: this.state.specChanged });
    void keepLeased({ spec: present, lsn: spec.mode.lsn, log: this.#log, signal: this.#stop.signal });
  }

  /** Another compute has taken over, or the WAL is not what it must be: not one more commit may be acknowledged. */
  #onPanic(error: Error): void {
    this.#panic = error;
    this.#log.error(`PANIC: ${error.message}`);
    this.#panicked.abort(error);
    this.#parts.postgres?.signal("SIGQUIT");
  }

  async #abandon(): Promise<void> {
    this.#ended.abort();
    await this.#parts.walproposer?.stop();
    this.#parts.postgres?.signal("SIGQUIT");
    await this.#parts.postgres?.exited.catch(() => undefined);
  }
}

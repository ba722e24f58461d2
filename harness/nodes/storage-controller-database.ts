import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { PgVersion } from "../types";
import { PgVersion as Versions } from "../types";
import { Wait } from "../wait";
import { copyTree, writeNodeFile } from "./context";
import type { NodeContext } from "./context";
import { makeDataDirectory, removeDataDirectory } from "./data-directory";
import { NeonNode } from "./neon-node";
import type { StartOptions, StopOptions } from "./neon-node";
import { PgBin } from "./pg-bin";
import { freeSharedMemory } from "./postmaster";
import { copyClusterTemplate } from "./postgres-template";
import { queryOnce } from "./sql";

const DATABASE = "storage_controller";

/** A plain Postgres with the storage controller's state, for engines whose controller wants one. */
export class StorageControllerDatabase extends NeonNode {
  readonly name = "storage_controller_db";
  readonly port: number;
  #atNextStart: string | undefined;
  readonly #users = new Set<object>();
  #dataDir: string | undefined;

  constructor(context: NodeContext, port: number) {
    super(context);
    this.port = port;
  }

  get dataDir(): string {
    return join(this.context.repoDir, "storage_controller_db");
  }

  get logPath(): string {
    return join(this.context.repoDir, "storage_controller_db.log");
  }

  /** An address and no name, and no TLS: libpq would try ::1 and encryption first, at every connection. */
  get url(): string {
    return `postgresql://${DATABASE}@127.0.0.1:${this.port}/${DATABASE}?sslmode=disable&gssencmode=disable`;
  }

  /** Starts it, unless it still runs for a peer of this controller. */
  async startFor(controller: object): Promise<void> {
    this.#users.add(controller);
    if (!this.isRunning()) await this.start();
  }

  /** Stops it when nobody of those it was started for is left. */
  async stopFor(controller: object, options: StopOptions = {}): Promise<void> {
    this.#users.delete(controller);
    if (this.#users.size === 0) await this.stop(options);
  }

  override async start(options: StartOptions = {}): Promise<void> {
    if (!existsSync(join(this.dataDir, "PG_VERSION"))) await this.#create();
    writeNodeFile(this.context, join(this.dataDir, "postgresql.conf"), this.#postgresqlConf());
    await super.start(options);
    const statement = this.#atNextStart;
    this.#atNextStart = undefined;
    if (statement !== undefined) await this.#run(statement);
  }

  /** Takes another controller's stopped database over, and runs a statement on it when it is started. */
  async adopt(from: string, statement: string): Promise<void> {
    this.#dataDir ??= makeDataDirectory(this.context, this.dataDir, { onTmpfs: true });
    await copyTree(from, this.#dataDir);
    this.#atNextStart = statement;
  }

  async #run(statement: string): Promise<void> {
    const target = { name: this.name, host: "127.0.0.1", port: this.port, user: DATABASE, database: DATABASE };
    await queryOnce(target, statement);
  }

  async #create(): Promise<void> {
    this.#dataDir ??= makeDataDirectory(this.context, this.dataDir, { onTmpfs: true });
    const pgBin = new PgBin(this.context, this.#pgVersion());
    await copyClusterTemplate(this.context, pgBin, { database: DATABASE, target: this.#dataDir });
  }

  /** The version of the data that are there, or else the one to begin with. */
  #pgVersion(): PgVersion {
    const path = join(this.dataDir, "PG_VERSION");
    if (existsSync(path)) return Versions.parse(readFileSync(path, "utf8").trim());
    return pgVersionFor(this.context.engine.facts.pgVersions);
  }

  #postgresqlConf(): string {
    const lines = [
      `port=${this.port}`,
      "listen_addresses='127.0.0.1'",
      "unix_socket_directories=''",
      // Processes get killed here, not machines.
      "fsync=off",
      "full_page_writes=off",
      "shared_buffers=8MB",
      "max_connections=100",
      // It would leave segments in /dev/shm behind when it is killed.
      "dynamic_shared_memory_type=mmap",
      "autovacuum=off",
      "max_wal_senders=0",
      "wal_level=minimal",
    ];
    return `${lines.join("\n")}\n`;
  }

  override async kill9(): Promise<void> {
    await super.kill9();
    freeSharedMemory(this.dataDir);
  }

  /** Frees the data directory, which may stand on tmpfs. */
  removeData(): void {
    if (this.#dataDir !== undefined) removeDataDirectory(this.#dataDir);
    this.#dataDir = undefined;
  }

  protected override stopSignal(options: StopOptions): NodeJS.Signals {
    // SIGTERM would wait for the controller's sessions to end.
    return options.immediate === true ? "SIGQUIT" : "SIGINT";
  }

  protected spawnSpec() {
    return {
      command: this.context.engine.postgresProgram(this.#pgVersion(), "postgres"),
      args: ["-D", this.dataDir],
      cwd: this.context.repoDir,
    };
  }

  protected ports() {
    return [this.port];
  }

  protected readiness() {
    return Wait.log(this.logPath, /database system is ready to accept connections/);
  }
}

/** neon_local's order of preference: its controller was made for 16. */
function pgVersionFor(present: readonly PgVersion[]): PgVersion {
  const preferred: readonly PgVersion[] = [16, 15, 14, 17];
  return preferred.find((version) => present.includes(version)) ?? 17;
}

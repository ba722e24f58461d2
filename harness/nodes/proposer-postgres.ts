import { join } from "node:path";
import { Lsn } from "../types";
import type { TenantId, TimelineId } from "../types";
import { Wait } from "../wait";
import { makeNodeDirectory, writeNodeFile } from "./context";
import type { NodeContext } from "./context";
import type { StopOptions } from "./neon-node";
import type { PgBin } from "./pg-bin";
import { PostgresNode } from "./postgres-node";
import { freeSharedMemory } from "./postmaster";
import type { Safekeeper } from "./safekeeper";
import type { SqlTarget } from "./sql";

export interface ProposerSettings {
  pgdata: string;
  port: number;
  pgBin: PgBin;
  tenantId: TenantId;
  timelineId: TimelineId;
  safekeepers: readonly Safekeeper[];
}

/** Neon's Postgres with safekeepers and nothing else: no compute_ctl, no pageserver. */
export class ProposerPostgres extends PostgresNode {
  readonly name = "proposer postgres";
  readonly settings: ProposerSettings;

  constructor(context: NodeContext, settings: ProposerSettings) {
    super(context);
    this.settings = settings;
  }

  get pgdata(): string {
    return this.settings.pgdata;
  }

  get logPath(): string {
    return `${this.pgdata}.log`;
  }

  /** A data directory that has nothing but its configuration; enough for `syncSafekeepers`. */
  createDirConfig(): void {
    makeNodeDirectory(this.context, this.pgdata);
    writeNodeFile(this.context, join(this.pgdata, "postgresql.conf"), `${this.#configLines().join("\n")}\n`);
  }

  /** A whole data directory, by initdb, with that configuration. */
  async initdb(): Promise<void> {
    await this.settings.pgBin.run("initdb", ["--username", "cloud_admin", "--pgdata", this.pgdata]);
    this.createDirConfig();
  }

  #configLines(): string[] {
    const { port, tenantId, timelineId, safekeepers } = this.settings;
    const addresses = safekeepers.map((sk) => `127.0.0.1:${sk.settings.pgPort}`).join(",");
    return [
      "synchronous_standby_names='walproposer'",
      "shared_preload_libraries='neon'",
      `neon.timeline_id='${timelineId}'`,
      `neon.tenant_id='${tenantId}'`,
      "neon.pageserver_connstring=''",
      `neon.safekeepers='${addresses}'`,
      "listen_addresses='127.0.0.1'",
      "unix_socket_directories=''",
      `port=${port}`,
    ];
  }

  /** Runs `postgres --sync-safekeepers`: brings a majority to the same LSN, and returns it; 0/0 for an empty timeline. */
  async syncSafekeepers(): Promise<Lsn> {
    const token = this.context.authKeys?.generateToken("tenant", { tenantId: this.settings.tenantId });
    const environment = { PGDATA: this.pgdata, ...(token === undefined ? {} : { NEON_AUTH_TOKEN: token }) };
    return Lsn.parse((await this.settings.pgBin.run("postgres", ["--sync-safekeepers"], { environment })).trim());
  }

  override async kill9(): Promise<void> {
    await super.kill9();
    freeSharedMemory(this.pgdata);
  }

  protected override stopSignal(options: StopOptions): NodeJS.Signals {
    // SIGTERM would wait for clients to leave.
    return options.immediate === true ? "SIGQUIT" : "SIGINT";
  }

  protected sqlTarget(): SqlTarget {
    const { port } = this.settings;
    return { name: this.name, host: "127.0.0.1", port, user: "cloud_admin", database: "postgres" };
  }

  protected spawnSpec() {
    return { command: this.settings.pgBin.path("postgres"), args: ["-D", this.pgdata], cwd: this.pgdata };
  }

  protected ports() {
    return [this.settings.port];
  }

  protected readiness() {
    return Wait.log(this.logPath, /database system is ready to accept connections/);
  }
}

import { appendFileSync, chmodSync } from "node:fs";
import { join } from "node:path";
import { CertificateAuthority } from "../auth";
import type { PgVersion } from "../types";
import { makeNodeDirectory, writeNodeFile } from "./context";
import type { NodeContext } from "./context";

import type { PgBin } from "./pg-bin";
import { PostgresNode } from "./postgres-node";
import type { SqlTarget } from "./sql";
import { Wait } from "../wait";
import { freeSharedMemory, signalPostmaster } from "./postmaster";

export interface VanillaPostgresSettings {
  dataDir: string;
  port: number;
  pgVersion: PgVersion;
  pgBin: PgBin;
}

/** A plain Postgres of the same directory as the computes', without anything of Neon's. */
export class VanillaPostgres extends PostgresNode {
  readonly name = "vanilla postgres";
  readonly settings: VanillaPostgresSettings;

  constructor(context: NodeContext, settings: VanillaPostgresSettings) {
    super(context);
    this.settings = settings;
  }

  get logPath(): string {
    return `${this.settings.dataDir}.log`;
  }

  get pgdata(): string {
    return this.settings.dataDir;
  }

  get port(): number {
    return this.settings.port;
  }

  /** initdb; the superuser is cloud_admin, as in a compute. */
  async init(): Promise<void> {
    const { dataDir, pgBin, port } = this.settings;
    makeNodeDirectory(this.context, dataDir);
    const options = [
      "--username",
      "cloud_admin",
      "--encoding",
      "utf8",
      "--locale",
      "C.UTF-8",
      "--no-sync",
      "-A",
      "trust",
    ];
    await pgBin.run("initdb", ["-D", dataDir, ...options]);
    this.configure([`port=${port}`, "listen_addresses='127.0.0.1'", "unix_socket_directories=''", "fsync=off"]);
  }

  /** Lets it speak TLS from the next start on, with a certificate for localhost; returns its authority's (PEM). */
  async enableTls(): Promise<string> {
    const authority = await CertificateAuthority.create("neon-test, one Postgres' own");
    const { certificate, privateKey } = await authority.issue({ hosts: ["localhost", "127.0.0.1"] });
    writeNodeFile(this.context, join(this.pgdata, "server.crt"), certificate);
    writeNodeFile(this.context, join(this.pgdata, "server.key"), privateKey);
    // Postgres refuses a key that others can read.
    chmodSync(join(this.pgdata, "server.key"), 0o600);
    this.configure(["ssl=on", "ssl_cert_file='server.crt'", "ssl_key_file='server.key'"]);
    return authority.certificate;
  }

  /** Appends lines to postgresql.conf; they hold from the next start on. */
  configure(lines: readonly string[]): void {
    appendFileSync(join(this.settings.dataDir, "postgresql.conf"), `${lines.join("\n")}\n`);
  }

  /** Fast shutdown, or immediate; throws when the server must be killed. */
  override async stop(options: { immediate?: boolean; budgetMs?: number } = {}): Promise<void> {
    if (this.isRunning()) {
      signalPostmaster(this.settings.dataDir, options.immediate === true ? "SIGQUIT" : "SIGINT");
      await this.waitForExit(options.budgetMs ?? 10_000);
    }
    await super.stop({ immediate: true, budgetMs: 1_000 });
  }

  override async kill9(): Promise<void> {
    await super.kill9();
    freeSharedMemory(this.settings.dataDir);
  }

  protected sqlTarget(): SqlTarget {
    return { name: this.name, host: "127.0.0.1", port: this.port, user: "cloud_admin", database: "postgres" };
  }

  protected spawnSpec() {
    return {
      command: this.context.engine.postgresProgram(this.settings.pgVersion, "postgres"),
      args: ["-D", this.settings.dataDir],
      cwd: this.settings.dataDir,
    };
  }

  protected ports() {
    return [this.port];
  }

  protected readiness() {
    return Wait.log(this.logPath, /database system is ready to accept (read-only )?connections/);
  }
}

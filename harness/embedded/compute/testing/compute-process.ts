import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { distribution, engineProgram, freePort, giveToNodes, identity, programEnvironment } from "../../../testing";
import { PgConnection } from "../../../wire";
import type { TenantTimelineId } from "../../safekeeper/acceptor-state";
import { readPostmasterFile } from "../data-directory";

export interface ComputeProcessOptions {
  directory: string;
  id: TenantTimelineId;
  pageserverPort: number;
  safekeeperPorts: number[];
  spec?: Record<string, unknown>;
  /** Of the spec's `cluster`. */
  cluster?: Record<string, unknown>;
  conf?: string[];
  environment?: Record<string, string>;
  pgbin?: string;
  /** Instead of the JSON of the spec. */
  specText?: string;
  /** Where it puts its data directory, instead of below `directory`. */
  dataParent?: string;
  /** A compute that has ended, in whose directory this one is to start. */
  after?: ComputeProcess;
}

/** A running compute_ctl with its Postgres. */
export class ComputeProcess {
  readonly pgdata: string;
  log = "";
  readonly #child: ChildProcess;
  readonly pgPort: number;
  readonly #httpPort: number;
  readonly #options: ComputeProcessOptions;
  readonly exited: Promise<number | NodeJS.Signals | null>;

  private constructor(
    options: ComputeProcessOptions,
    child: ChildProcess,
    pgdata: string,
    pgPort: number,
    httpPort: number,
  ) {
    this.#options = options;
    this.#child = child;
    this.pgdata = pgdata;
    this.pgPort = pgPort;
    this.#httpPort = httpPort;
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text: Buffer) => (this.log += text));
    this.exited = once(child, "close").then(([code, signal]) => code ?? signal) as typeof this.exited;
  }

  static async spawn(options: ComputeProcessOptions): Promise<ComputeProcess> {
    const { directory } = options;
    const [pgPort, httpPort] = [await freePort(), await freePort()];
    const pgdata = options.after?.pgdata ?? join(options.dataParent ?? directory, `pgdata-${pgPort}`);
    if (options.after === undefined) mkdirSync(pgdata);
    giveToNodes(pgdata);
    const specPath = join(directory, `spec-${pgPort}.json`);
    writeFileSync(specPath, options.specText ?? JSON.stringify(makeSpec(options, pgPort)));
    const args = ["--http-port", String(httpPort), "--pgdata", pgdata, "--spec-path", specPath];
    args.push(
      "--connstr",
      `postgresql://cloud_admin@127.0.0.1:${pgPort}/postgres`,
      "--pgbin",
      options.pgbin ?? distribution(17).postgres,
    );
    const stdio: ["ignore", "pipe", "pipe"] = ["ignore", "pipe", "pipe"];
    const how = { cwd: directory, env: { ...programEnvironment, ...options.environment }, stdio, ...identity };
    const child = spawn(engineProgram("compute_ctl"), args, how);
    return new ComputeProcess(options, child, pgdata, pgPort, httpPort);
  }

  /** The spec it was started with, with these fields changed. */
  spec(changed: Record<string, unknown>): Record<string, unknown> {
    return { ...makeSpec(this.#options, this.pgPort), ...changed };
  }

  async http(path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const init =
      body === undefined
        ? {}
        : { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const response = await fetch(`http://127.0.0.1:${this.#httpPort}${path}`, init);
    const text = await response.text();
    return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : text };
  }

  async status(): Promise<{ status: string; error: string | null } | undefined> {
    try {
      return (await this.http("/status")).body as { status: string; error: string | null };
    } catch {
      // It does not listen yet.
      return undefined;
    }
  }

  async untilStatus(wanted: string): Promise<void> {
    let over = false;
    void this.exited.then(() => (over = true));
    for (;;) {
      const now = await this.status();
      if (now?.status === wanted) return;
      if (over || now?.status === "failed") throw new Error(`compute_ctl: ${now?.error ?? "exited"}\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  connect(database = "postgres"): Promise<PgConnection> {
    return PgConnection.connect({ host: "127.0.0.1", port: this.pgPort, database });
  }

  async query(sql: string, database?: string): Promise<(string | null)[][]> {
    const connection = await this.connect(database);
    try {
      return (await connection.query(sql)).rows;
    } finally {
      connection.destroy();
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  signalPostmaster(signal: NodeJS.Signals): void {
    const pid = readPostmasterFile(this.pgdata)?.pid;
    if (pid !== undefined) process.kill(pid, signal);
  }

  /** Ends everything, whatever state it is in. */
  async destroy(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
    const pid = readPostmasterFile(this.pgdata)?.pid;
    if (pid !== undefined && isPostgres(pid)) process.kill(pid, "SIGQUIT");
    while (pid !== undefined && isPostgres(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
    rmSync(this.pgdata, { recursive: true, force: true });
  }
}

function isPostgres(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !existsSync("/proc/self") || readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("postgres");
  } catch {
    // Gone.
    return false;
  }
}

function makeSpec(options: ComputeProcessOptions, pgPort: number): Record<string, unknown> {
  const conf = [
    ...["max_wal_senders=10", "shared_buffers=1MB", "fsync=off", "max_connections=100", "wal_level=logical"],
    ...["wal_sender_timeout=5s", "listen_addresses='127.0.0.1'", `port=${pgPort}`, "wal_keep_size=0"],
    ...["restart_after_crash=off", "shared_preload_libraries=neon", "max_replication_write_lag=15MB"],
    ...["synchronous_standby_names=walproposer", ...(options.conf ?? [])],
  ];
  return {
    format_version: 1.0,
    cluster: {
      ...{ cluster_id: null, roles: [], databases: [], settings: null },
      postgresql_conf: `${conf.join("\n")}\n`,
      ...options.cluster,
    },
    skip_pg_catalog_updates: true,
    tenant_id: options.id.tenantId,
    timeline_id: options.id.timelineId,
    pageserver_connstring: `postgresql://no_user@localhost:${options.pageserverPort}`,
    safekeeper_connstrings: options.safekeeperPorts.map((port) => `127.0.0.1:${port}`),
    mode: "Primary",
    shard_stripe_size: 32_768,
    ...options.spec,
  };
}

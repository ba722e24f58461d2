import { readdirSync } from "node:fs";
import { join } from "node:path";
import { SafekeeperClient } from "../api";
import type { RemoteStorage } from "../storage";
import type { TenantId, TimelineId } from "../types";
import { Lsn } from "../types";
import { pollUntil, Wait } from "../wait";
import type { PollAttempt } from "../wait";
import { PgConnection } from "../wire";
import { makeNodeDirectory } from "./context";
import type { NodeContext } from "./context";
import { NeonNode } from "./neon-node";
import { nodeClientOptions } from "./node-client";
import type { NodeClientOptions } from "./node-client";

export interface SafekeeperSettings {
  id: number;
  pgPort: number;
  pgTenantOnlyPort: number;
  httpPort: number;
  brokerUrl: string;
  /** Whether WAL is on disk before it is acknowledged. */
  fsync: boolean;
  extraOptions: readonly string[];
  /** Where it offloads WAL to. */
  remoteStorage?: RemoteStorage | undefined;
}

export class Safekeeper extends NeonNode {
  readonly name: string;
  readonly settings: SafekeeperSettings;

  constructor(context: NodeContext, settings: SafekeeperSettings) {
    super(context);
    this.settings = settings;
    this.name = `safekeeper-${settings.id}`;
  }

  get id(): number {
    return this.settings.id;
  }

  get dataDir(): string {
    return join(this.context.repoDir, "safekeepers", `sk${this.id}`);
  }

  get logPath(): string {
    return join(this.dataDir, `safekeeper-${this.id}.log`);
  }

  timelineDir(tenantId: TenantId, timelineId: TimelineId): string {
    return join(this.dataDir, tenantId, timelineId);
  }

  /** Its default token is good for every tenant. */
  httpClient(given: NodeClientOptions = {}): SafekeeperClient {
    const options = nodeClientOptions(this.context, { binary: "safekeeper", scope: "safekeeperdata" }, given);
    return new SafekeeperClient(this.name, `http://127.0.0.1:${this.settings.httpPort}`, options);
  }

  /** A session of the WAL service, for one timeline; `tenantOnly` is the port for computes. Its errors are PgError. */
  connect(
    { tenantId, timelineId }: { tenantId: TenantId; timelineId: TimelineId },
    given: NodeClientOptions & { tenantOnly?: boolean } = {},
  ): Promise<PgConnection> {
    const tenantOnly = given.tenantOnly === true;
    const keys = this.context.authKeys;
    const ownToken = tenantOnly ? keys?.generateToken("tenant", { tenantId }) : keys?.generateToken("safekeeperdata");
    const password = given.authToken === undefined ? ownToken : given.authToken;
    return PgConnection.connect({
      host: "127.0.0.1",
      port: tenantOnly ? this.settings.pgTenantOnlyPort : this.settings.pgPort,
      parameters: { options: `-c timeline_id=${timelineId} tenant_id=${tenantId}` },
      ...(password === undefined || password === null ? {} : { password }),
    });
  }

  async flushLsn(tenantId: TenantId, timelineId: TimelineId): Promise<Lsn> {
    return Lsn.parse((await this.httpClient().timelineStatus(tenantId, timelineId)).flush_lsn);
  }

  async commitLsn(tenantId: TenantId, timelineId: TimelineId): Promise<Lsn> {
    return Lsn.parse((await this.httpClient().timelineStatus(tenantId, timelineId)).commit_lsn);
  }

  /** The names of the timeline's WAL segments on disk, oldest first; the newest ends with `.partial`. */
  listSegments(tenantId: TenantId, timelineId: TimelineId): string[] {
    return readdirSync(this.timelineDir(tenantId, timelineId))
      .filter((name) => /^[0-9A-F]{24}(\.partial)?$/.test(name))
      .toSorted();
  }

  /** Resolves when no compute sends WAL of this timeline any more; a timeline that isn't here has none. */
  async waitForNoWalReceivers(tenantId: TenantId, timelineId: TimelineId, budgetMs = 10_000): Promise<void> {
    const client = this.httpClient();
    const probe = async ({ observed }: PollAttempt): Promise<boolean> => {
      const { walreceivers } = await client.timelineStatus(tenantId, timelineId);
      observed(`${walreceivers.length} connections: ${walreceivers.map(({ status }) => status).join(", ")}`);
      return walreceivers.length === 0;
    };
    const options = { budgetMs, component: this.name, logPath: this.logPath };
    await pollUntil("the end of the computes' connections", probe, options);
  }

  writeConfig(): void {
    makeNodeDirectory(this.context, this.dataDir);
  }

  protected spawnSpec() {
    const { id, pgPort, pgTenantOnlyPort, httpPort, brokerUrl, fsync, extraOptions } = this.settings;
    return {
      command: this.context.engine.binary("safekeeper"),
      args: [
        ...["-D", this.dataDir, "--id", String(id)],
        ...["--listen-pg", `127.0.0.1:${pgPort}`, "--listen-http", `127.0.0.1:${httpPort}`],
        ...["--availability-zone", `sk-${id}`, "--listen-pg-tenant-only", `127.0.0.1:${pgTenantOnlyPort}`],
        ...(fsync ? [] : ["--no-sync"]),
        ...["--broker-endpoint", brokerUrl],
        ...this.#remoteStorageArguments(),
        ...this.#authArguments(),
        ...extraOptions,
      ],
      cwd: this.dataDir,
      env: { ...this.settings.remoteStorage?.environment(), ...this.#peerToken() },
    };
  }

  /** The same key for each of its three ports; an empty path among the options takes it away again. */
  #remoteStorageArguments(): string[] {
    const storage = this.settings.remoteStorage;
    return storage === undefined ? [] : ["--remote-storage", inlineTable(storage.toml())];
  }

  #authArguments(): string[] {
    const key = this.context.authKeys?.publicKeyPath;
    const flags = ["--pg-auth-public-key-path", "--pg-tenant-only-auth-public-key-path", "--http-auth-public-key-path"];
    return key === undefined ? [] : flags.flatMap((flag) => [flag, key]);
  }

  #peerToken(): Record<string, string> {
    const token = this.context.authKeys?.generateToken("safekeeperdata");
    return token === undefined ? {} : { SAFEKEEPER_AUTH_TOKEN: token };
  }

  protected ports() {
    return [this.settings.pgPort, this.settings.pgTenantOnlyPort, this.settings.httpPort];
  }

  protected readiness() {
    return Wait.http(`http://127.0.0.1:${this.settings.httpPort}/v1/status`);
  }
}

/** `{bucket_name = "b", …}`: the safekeeper reads its argument as one value of TOML, which writes strings as JSON does. */
const inlineTable = (table: Record<string, unknown>): string =>
  `{${Object.entries(table)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
    .join(", ")}}`;

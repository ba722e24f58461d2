import { join } from "node:path";
import { SafekeeperClient } from "../api";
import type { TenantId, TimelineId } from "../types";
import { Lsn } from "../types";
import { Wait } from "../wait";
import { makeNodeDirectory } from "./context";
import type { NodeContext } from "./context";
import { NeonNode } from "./neon-node";

export interface SafekeeperSettings {
  id: number;
  pgPort: number;
  pgTenantOnlyPort: number;
  httpPort: number;
  brokerUrl: string;
  /** Whether WAL is on disk before it is acknowledged. */
  fsync: boolean;
  extraOptions: readonly string[];
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

  httpClient(): SafekeeperClient {
    return new SafekeeperClient(this.name, `http://127.0.0.1:${this.settings.httpPort}`);
  }

  async flushLsn(tenantId: TenantId, timelineId: TimelineId): Promise<Lsn> {
    return Lsn.parse((await this.httpClient().timelineStatus(tenantId, timelineId)).flush_lsn);
  }

  async commitLsn(tenantId: TenantId, timelineId: TimelineId): Promise<Lsn> {
    return Lsn.parse((await this.httpClient().timelineStatus(tenantId, timelineId)).commit_lsn);
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
        ...extraOptions,
      ],
      cwd: this.dataDir,
    };
  }

  protected ports() {
    return [this.settings.pgPort, this.settings.pgTenantOnlyPort, this.settings.httpPort];
  }

  protected readiness() {
    return Wait.http(`http://127.0.0.1:${this.settings.httpPort}/v1/status`);
  }
}

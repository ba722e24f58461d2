import { join } from "node:path";
import { TenantId, TimelineId } from "../../types";
import type { Lsn } from "../../types";
import { Lsn as Lsns } from "../../types";
import { writeNodeFile } from "../context";
import type { NodeContext } from "../context";
import { flag, list, switchFlag } from "./flags";
import { neonLocalConfigText } from "./neon-local-config";
import type { NeonLocalConfig } from "./neon-local-config";
import { runTool } from "./run-tool";
import type { ToolOptions, ToolResult } from "./run-tool";

/** SIGTERM and what it brings to its end, or SIGQUIT. */
export type StopMode = "fast" | "immediate";

export interface LocalTimeline {
  branchName: string;
  timelineId: TimelineId;
}

export interface LocalEndpoint {
  branchName: string;
  pgPort: number;
  httpPort: number;
  tenantId?: TenantId;
  pgVersion: number;
  lsn?: Lsn;
  hotStandby?: boolean;
  pageserverId?: number;
  allowMultiple?: boolean;
  updateCatalog?: boolean;
}

interface StartSettings {
  /** Seconds; neon_local's own default is 10. */
  startTimeout?: number;
}

/**
 * Neon's own command for local environments (original-test-runner §1.6, neon-protocols §1.2), for tests of the command
 * itself. Everything else here starts its nodes without it. What it starts runs on when it ends; `stop` ends that.
 */
export class NeonLocal {
  readonly context: NodeContext;

  /** Works on `context.repoDir`, which `init` makes. */
  constructor(context: NodeContext) {
    this.context = context;
  }

  /** Runs any subcommand. Errors are COMMAND_FAILED, with what it wrote. */
  run(args: readonly string[], options: ToolOptions = {}): Promise<ToolResult> {
    const { engine, repoDir, environment } = this.context;
    const own = { NEON_REPO_DIR: repoDir, POSTGRES_DISTRIB_DIR: engine.facts.pgDistribDir };
    const all = { ...options, environment: { ...environment, ...own, ...options.environment } };
    return runTool(this.context, engine.binary("neon_local"), args, { timeoutMs: 120_000, ...all });
  }

  /** Makes the repo: keys, and a directory and a configuration for each node. */
  async init(
    config: NeonLocalConfig,
    options: { force?: "must-not-exist" | "empty-dir-ok" | "remove-all-contents" } = {},
  ): Promise<ToolResult> {
    const path = `${this.context.repoDir}.init.toml`;
    writeNodeFile(this.context, path, neonLocalConfigText(config));
    return this.run(["init", `--config=${path}`, ...flag("--force", options.force)]);
  }

  start(settings: StartSettings = {}): Promise<ToolResult> {
    return this.run(["start", ...startTimeout(settings)]);
  }

  stop(options: { mode?: StopMode } = {}): Promise<ToolResult> {
    return this.run(["stop", ...flag("--mode", options.mode)]);
  }

  storageControllerStart(
    settings: StartSettings & { instanceId?: number; basePort?: number } = {},
  ): Promise<ToolResult> {
    const which = [...flag("--instance-id", settings.instanceId), ...flag("--base-port", settings.basePort)];
    return this.run(["storage_controller", "start", ...startTimeout(settings), ...which]);
  }

  storageControllerStop(options: { mode?: StopMode; instanceId?: number } = {}): Promise<ToolResult> {
    const which = flag("--instance-id", options.instanceId);
    return this.run(["storage_controller", "stop", ...list("-m", options.mode), ...which]);
  }

  storageBrokerStart(settings: StartSettings = {}): Promise<ToolResult> {
    return this.run(["storage_broker", "start", ...startTimeout(settings)]);
  }

  storageBrokerStop(): Promise<ToolResult> {
    return this.run(["storage_broker", "stop"]);
  }

  pageserverStart(id: number, settings: StartSettings = {}): Promise<ToolResult> {
    return this.run(["pageserver", "start", `--id=${id}`, ...startTimeout(settings)]);
  }

  pageserverStop(id: number, options: { mode?: StopMode } = {}): Promise<ToolResult> {
    return this.run(["pageserver", "stop", `--id=${id}`, ...list("-m", options.mode)]);
  }

  pageserverRestart(id: number, settings: StartSettings = {}): Promise<ToolResult> {
    return this.run(["pageserver", "restart", `--id=${id}`, ...startTimeout(settings)]);
  }

  pageserverStatus(id: number): Promise<ToolResult> {
    return this.run(["pageserver", "status", `--id=${id}`]);
  }

  safekeeperStart(
    id: number,
    settings: StartSettings & { extraOptions?: readonly string[] } = {},
  ): Promise<ToolResult> {
    const extra = (settings.extraOptions ?? []).map((option) => `-e=${option}`);
    return this.run(["safekeeper", "start", `${id}`, ...extra, ...startTimeout(settings)]);
  }

  safekeeperStop(id: number, options: { mode?: StopMode } = {}): Promise<ToolResult> {
    return this.run(["safekeeper", "stop", `${id}`, ...list("-m", options.mode)]);
  }

  /** A tenant with a first timeline, the branch `main`. */
  tenantCreate(tenant: {
    tenantId: TenantId;
    timelineId: TimelineId;
    pgVersion: number;
    config?: Readonly<Record<string, string | number>>;
    shardCount?: number;
    shardStripeSize?: number;
    placementPolicy?: unknown;
    setDefault?: boolean;
  }): Promise<ToolResult> {
    return this.run([
      ...["tenant", "create", "--tenant-id", tenant.tenantId, "--timeline-id", tenant.timelineId],
      ...["--pg-version", String(tenant.pgVersion), ...settingFlags(tenant.config)],
      ...switchFlag("--set-default", tenant.setDefault),
      ...list("--shard-count", tenant.shardCount),
      ...list("--shard-stripe-size", tenant.shardStripeSize),
      ...list(
        "--placement-policy",
        tenant.placementPolicy === undefined ? undefined : JSON.stringify(tenant.placementPolicy),
      ),
    ]);
  }

  /** Takes over a tenant that only remote storage still knows. */
  tenantImport(tenantId: TenantId): Promise<ToolResult> {
    return this.run(["tenant", "import", "--tenant-id", tenantId]);
  }

  tenantSetDefault(tenantId: TenantId): Promise<ToolResult> {
    return this.run(["tenant", "set-default", "--tenant-id", tenantId]);
  }

  tenantConfig(tenantId: TenantId, config: Readonly<Record<string, string | number>>): Promise<ToolResult> {
    return this.run(["tenant", "config", "--tenant-id", tenantId, ...settingFlags(config)]);
  }

  /** The tenants of the first pageserver, each with its state. */
  async tenantList(): Promise<{ tenantId: TenantId; state: string }[]> {
    const { stdout } = await this.run(["tenant", "list"]);
    return stdout.split("\n").flatMap((line) => {
      const [id, state] = line.trim().split(/\s+/);
      return id && state ? [{ tenantId: TenantId.parse(id), state }] : [];
    });
  }

  timelineCreate(
    branchName: string,
    tenantId: TenantId,
    timelineId: TimelineId,
    pgVersion: number,
  ): Promise<ToolResult> {
    const ids = ["--tenant-id", tenantId, "--timeline-id", timelineId];
    return this.run(["timeline", "create", "--branch-name", branchName, ...ids, "--pg-version", `${pgVersion}`]);
  }

  timelineBranch(branch: {
    tenantId: TenantId;
    timelineId: TimelineId;
    branchName: string;
    ancestorBranchName?: string;
    ancestorStartLsn?: Lsn;
  }): Promise<ToolResult> {
    return this.run([
      ...["timeline", "branch", "--branch-name", branch.branchName],
      ...["--timeline-id", branch.timelineId, "--tenant-id", branch.tenantId],
      ...list("--ancestor-branch-name", branch.ancestorBranchName),
      ...list("--ancestor-start-lsn", lsnText(branch.ancestorStartLsn)),
    ]);
  }

  timelineImport(source: {
    tenantId: TenantId;
    timelineId: TimelineId;
    branchName: string;
    pgVersion: number;
    baseLsn: Lsn;
    baseTarfile: string;
    endLsn?: Lsn;
    walTarfile?: string;
  }): Promise<ToolResult> {
    return this.run([
      ...["timeline", "import", "--tenant-id", source.tenantId, "--timeline-id", source.timelineId],
      ...["--pg-version", `${source.pgVersion}`, "--branch-name", source.branchName],
      ...["--base-lsn", Lsns.format(source.baseLsn), "--base-tarfile", source.baseTarfile],
      ...list("--end-lsn", lsnText(source.endLsn)),
      ...list("--wal-tarfile", source.walTarfile),
    ]);
  }

  /** The timelines that the first pageserver has of this tenant, with their branch names. */
  async timelineList(tenantId: TenantId): Promise<LocalTimeline[]> {
    const { stdout } = await this.run(["timeline", "list", "--tenant-id", tenantId]);
    return stdout.split("\n").flatMap((line) => {
      const [, branchName, timelineId] = /(\S+) \[([0-9a-f]{32})\]$/.exec(line) ?? [];
      return branchName && timelineId ? [{ branchName, timelineId: TimelineId.parse(timelineId) }] : [];
    });
  }

  endpointCreate(id: string, endpoint: LocalEndpoint): Promise<ToolResult> {
    return this.run([
      ...["endpoint", "create", ...list("--tenant-id", endpoint.tenantId), "--branch-name", endpoint.branchName],
      ...["--pg-version", `${endpoint.pgVersion}`, ...list("--lsn", lsnText(endpoint.lsn))],
      ...["--pg-port", `${endpoint.pgPort}`, "--http-port", `${endpoint.httpPort}`, id],
      ...(endpoint.hotStandby === true ? ["--hot-standby", "true"] : []),
      ...list("--pageserver-id", endpoint.pageserverId),
      ...switchFlag("--allow-multiple", endpoint.allowMultiple),
      ...switchFlag("--update-catalog", endpoint.updateCatalog),
    ]);
  }

  endpointStart(
    id: string,
    options: {
      safekeepers?: readonly number[];
      pageserverId?: number;
      remoteExtConfig?: string;
      allowMultiple?: boolean;
    } = {},
  ): Promise<ToolResult> {
    return this.run([
      ...["endpoint", "start", ...list("--remote-ext-config", options.remoteExtConfig)],
      ...list("--safekeepers", options.safekeepers?.join(",")),
      ...[id, ...list("--pageserver-id", options.pageserverId)],
      ...switchFlag("--allow-multiple", options.allowMultiple),
    ]);
  }

  endpointReconfigure(
    id: string,
    options: { tenantId?: TenantId; pageserverId?: number; safekeepers?: readonly number[] } = {},
  ): Promise<ToolResult> {
    return this.run([
      ...["endpoint", "reconfigure", id, ...list("--tenant-id", options.tenantId)],
      ...list("--pageserver-id", options.pageserverId),
      ...list("--safekeepers", options.safekeepers?.join(",")),
    ]);
  }

  endpointStop(id: string, options: { mode?: StopMode | "smart"; destroy?: boolean } = {}): Promise<ToolResult> {
    const how = [...switchFlag("--destroy", options.destroy), ...flag("--mode", options.mode)];
    return this.run(["endpoint", "stop", ...how, id]);
  }

  endpointList(tenantId?: TenantId): Promise<ToolResult> {
    return this.run(["endpoint", "list", ...list("--tenant-id", tenantId)]);
  }

  mappingsMapBranch(branchName: string, tenantId: TenantId, timelineId: TimelineId): Promise<ToolResult> {
    const ids = ["--tenant-id", tenantId, "--timeline-id", timelineId];
    return this.run(["mappings", "map", "--branch-name", branchName, ...ids]);
  }

  /** Where the repo keeps this node's log. */
  logPath(node: "storage_broker" | "storage_controller" | `pageserver_${number}` | `safekeeper-${number}`): string {
    const { repoDir } = this.context;
    if (node === "storage_broker") return join(repoDir, "storage_broker.log");
    if (node === "storage_controller") return join(repoDir, "storage_controller_1", "storage_controller.log");
    if (node.startsWith("pageserver")) return join(repoDir, node, "pageserver.log");
    return join(repoDir, "safekeepers", node.replace("safekeeper-", "sk"), `${node}.log`);
  }
}

const lsnText = (lsn: Lsn | undefined): string | undefined => (lsn === undefined ? undefined : Lsns.format(lsn));

const startTimeout = ({ startTimeout: seconds }: StartSettings): string[] =>
  flag("--start-timeout", seconds === undefined ? undefined : `${seconds}s`);

const settingFlags = (config: Readonly<Record<string, string | number>> = {}): string[] =>
  Object.entries(config).flatMap(([key, value]) => ["-c", `${key}:${value}`]);

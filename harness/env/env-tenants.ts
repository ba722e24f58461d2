import type { PlacementPolicy, TenantSettings } from "../api";
import { writeNodeFile } from "../nodes";
import type { Endpoint, Pageserver } from "../nodes";
import { Lsn, TenantId, TenantShardId, TimelineId } from "../types";
import { pollUntil, Wait } from "../wait";
import type { PollAttempt } from "../wait";
import { Branches } from "./branches";
import type { Branch } from "./branches";
import { EnvNodes } from "./env-nodes";
import type { AttachedShard } from "./env-nodes";
import { InitdbArchive } from "./initdb-archive";
import { TenantTemplate } from "./tenant-template";
import { repoConfigPath, repoConfigText } from "./repo-config";

export interface NewTenantOptions {
  tenantId?: TenantId;
  timelineId?: TimelineId;
  config?: TenantSettings;
  /** 0, the default, is an unsharded tenant. */
  shardCount?: number;
  /** In pages of 8 KiB. */
  shardStripeSize?: number;
  placementPolicy?: PlacementPolicy;
  /** Whether its files may be copies of an earlier tenant's; default: the setting `timelinesFromTemplate`. */
  fromTemplate?: boolean;
}

/** Tenants, timelines and branches of an environment, and how far they are. */
export abstract class EnvTenants extends EnvNodes {
  protected readonly branches = new Branches();
  readonly #sharded = new Set<TenantId>();

  async createInitialTenant(): Promise<void> {
    const { initialTenant, initialTimeline, initialTenantConfig, ...settings } = this.parts.settings;
    await this.createTenant({
      ...{ tenantId: initialTenant, timelineId: initialTimeline, config: initialTenantConfig },
      shardCount: settings.initialTenantShardCount,
      ...pick("shardStripeSize", settings.initialTenantShardStripeSize),
    });
  }

  /** A tenant with a first timeline, the branch `main` (or whatever `defaultBranchName` says). */
  async createTenant(options: NewTenantOptions = {}): Promise<Branch> {
    const owner = {
      tenantId: options.tenantId ?? TenantId.generate(),
      timelineId: options.timelineId ?? TimelineId.generate(),
    };
    const { timelineId: _timeline, fromTemplate: _template, ...tenant } = options;
    const template = this.#tenantTemplate(options);
    const isThere = (await template?.offer(owner)) === true;
    await this.storageController.httpClient().createTenant({ config: {}, ...tenant, ...owner });
    if ((options.shardCount ?? 0) > 0) this.#sharded.add(owner.tenantId);
    const name = this.parts.settings.defaultBranchName;
    if (isThere) await this.#takeTimeline(name, owner);
    else await this.createTimeline(name, owner);
    if (!isThere) await template?.keep(owner);
    return owner;
  }

  /** A shard's files are others than a whole tenant's, and one that isn't attached isn't made. */
  #tenantTemplate(options: NewTenantOptions): TenantTemplate | undefined {
    const { context, settings, storage } = this.parts;
    const isPlain = (options.shardCount ?? 0) === 0 && typeof options.placementPolicy !== "string";
    const wanted = options.fromTemplate ?? settings.timelinesFromTemplate;
    if (!isPlain || !wanted || !this.engine.facts.takesTimelineFiles) return undefined;
    return new TenantTemplate(context, { storage, pageservers: this.pageservers, pgVersion: this.pgVersion });
  }

  /** Resolves when the pageserver has found the timeline in remote storage. */
  async #takeTimeline(name: string, { tenantId, timelineId }: Branch): Promise<void> {
    const client = this.storageController.httpClient().asPageserver;
    const probe = async ({ observed }: PollAttempt): Promise<boolean> => {
      const { state } = await client.timelineDetail(tenantId, timelineId);
      observed(`state ${JSON.stringify(state)}`);
      return state === "Active";
    };
    await pollUntil(`timeline ${timelineId} to become Active`, probe, { budgetMs: 20_000, component: "pageserver" });
    this.mapBranch(name, { tenantId, timelineId });
  }

  /** Replaces the tenant's own settings by these, on all its shards. */
  async configTenant(tenantId: TenantId | undefined, config: TenantSettings): Promise<void> {
    const client = this.storageController.httpClient().asPageserver;
    await client.setTenantConfig(tenantId ?? this.initialTenant, config);
  }

  /** An empty timeline, made by initdb, that `name` stands for from now on. */
  async createTimeline(
    name: string,
    options: { tenantId?: TenantId; timelineId?: TimelineId } = {},
  ): Promise<TimelineId> {
    const tenantId = options.tenantId ?? this.initialTenant;
    const timelineId = options.timelineId ?? TimelineId.generate();
    const archive = this.#initdbArchive();
    const isOffered = (await archive?.offer(tenantId, timelineId)) === true;
    const source = isOffered ? { existing_initdb_timeline_id: timelineId } : {};
    const body = { new_timeline_id: timelineId, pg_version: this.pgVersion, ...source };
    await this.storageController.httpClient().createTimeline(tenantId, body);
    await archive?.keep(tenantId, timelineId);
    this.mapBranch(name, { tenantId, timelineId });
    return timelineId;
  }

  #initdbArchive(): InitdbArchive | undefined {
    const { context, settings, storage } = this.parts;
    const usable = this.engine.facts.takesTimelineFiles && settings.timelinesFromTemplate;
    return usable ? new InitdbArchive(context, storage, this.pgVersion) : undefined;
  }

  /** A branch of `from` (default `main`), at `lsn` or at its head as the pageserver knows it. */
  async createBranch(
    name: string,
    options: { from?: string; lsn?: Lsn; tenantId?: TenantId; timelineId?: TimelineId } = {},
  ): Promise<TimelineId> {
    const ancestor = this.branch(options.from ?? this.parts.settings.defaultBranchName, options.tenantId);
    const timelineId = options.timelineId ?? TimelineId.generate();
    await this.storageController.httpClient().createTimeline(ancestor.tenantId, {
      new_timeline_id: timelineId,
      ancestor_timeline_id: ancestor.timelineId,
      ...(options.lsn === undefined ? {} : { ancestor_start_lsn: Lsn.format(options.lsn) }),
    });
    this.mapBranch(name, { tenantId: ancestor.tenantId, timelineId });
    return timelineId;
  }

  /** What a branch name stands for in a tenant (default: the initial one). */
  branch(name: string, tenantId: TenantId = this.initialTenant): Branch {
    return this.branches.get(name, tenantId);
  }

  /** Gives a timeline that was made in some other way a branch name. */
  mapBranch(name: string, branch: Branch): void {
    this.branches.remember(name, branch);
    this.#writeRepoConfig();
  }

  /** The repo's `config`: neon_local reads it, and so does `fromRepoDir`. */
  #writeRepoConfig(): void {
    const config = { initialTenant: this.initialTenant, branches: this.branches.all };
    writeNodeFile(this.parts.context, repoConfigPath(this.repoDir), repoConfigText(config, this.describeNodes()));
  }

  /**
   * Resolves when every shard's pageserver, or the one that is named, has received all that this compute has written so
   * far; returns that LSN.
   */
  async waitForLastFlushLsn(
    endpoint: Endpoint,
    options: { pageserver?: Pageserver; budgetMs?: number } = {},
  ): Promise<Lsn> {
    const lsn = await endpoint.flushLsn();
    const { tenantId, timelineId } = endpoint.settings;
    const shards = await this.#shardsOf(tenantId, options.pageserver);
    const budgetMs = options.budgetMs ?? 20_000;
    const waits = shards.map(({ shard, pageserver }) => {
      const client = pageserver.httpClient();
      const readiness = Wait.lsn("last_record_lsn", () => client.lastRecordLsn(shard, timelineId), lsn);
      return readiness.wait({ budgetMs, component: pageserver.name });
    });
    await Promise.all(waits);
    return lsn;
  }

  /** Resolves when remote storage has all that this compute has written so far; returns that LSN. */
  async waitForUpload(endpoint: Endpoint, options: { pageserver?: Pageserver; budgetMs?: number } = {}): Promise<Lsn> {
    const lsn = await this.waitForLastFlushLsn(endpoint, options);
    const { tenantId, timelineId } = endpoint.settings;
    const budgetMs = options.budgetMs ?? 20_000;
    const waits = (await this.#shardsOf(tenantId, options.pageserver)).map(async ({ shard, pageserver }) => {
      const client = pageserver.httpClient();
      await client.checkpoint(shard, timelineId, { compact: false });
      const uploaded = () => client.remoteConsistentLsn(shard, timelineId);
      await Wait.lsn("remote_consistent_lsn", uploaded, lsn).wait({ budgetMs, component: pageserver.name });
    });
    await Promise.all(waits);
    return lsn;
  }

  /** The storage controller is asked only where it can tell something. */
  async #shardsOf(tenantId: TenantId, chosen: Pageserver | undefined): Promise<AttachedShard[]> {
    const [first, ...others] = this.pageservers;
    const only = chosen ?? (others.length === 0 && !this.#sharded.has(tenantId) ? first : undefined);
    if (only === undefined) return this.tenantShards(tenantId);
    return [{ shard: TenantShardId.unsharded(tenantId), pageserver: only }];
  }

  /** Resolves when the replica has replayed all that the primary has written so far; returns that LSN. */
  async waitReplicaCaughtUp(primary: Endpoint, replica: Endpoint, budgetMs?: number): Promise<Lsn> {
    const lsn = await primary.flushLsn();
    await replica.waitForReplay(lsn, budgetMs);
    return lsn;
  }
}

function pick<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}

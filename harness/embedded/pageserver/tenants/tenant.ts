import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { TenantShardId, type TimelineId } from "../../../types";
import { failAt, type Logger, pause, sleepAt, writeFileDurably } from "../../service";
import { type LocationConf, locationConfToToml } from "../config/location-conf";
import { EffectiveConf } from "../config/tenant-conf";
import type { IndexPart } from "../remote/index-part";
import type { OffloadedTimeline } from "../remote/tenant-manifest";
import { walSegSize } from "../timeline/record-boundary";
import { stats, timed } from "../stats";
import { Timeline } from "../timeline/timeline";
import { WalConnectionManager } from "../walreceiver/connection-manager";
import { Secondary } from "./secondary";
import { loadTimelines } from "./load-timelines";
import type { PageserverNode } from "./node";

export type TenantState = "Attaching" | "Active" | "Stopping" | "Broken";

/** A tenant shard on this node: attached, with its timelines, or a secondary without any. */
export class Tenant {
  readonly id: TenantShardId;
  /** The id as Neon writes it. */
  readonly key: string;
  readonly dir: string;
  readonly node: PageserverNode;
  readonly log: Logger;
  readonly timelines = new Map<TimelineId, Timeline>();
  readonly receivers = new Map<TimelineId, WalConnectionManager>();
  readonly offloaded = new Map<TimelineId, OffloadedTimeline>();
  /** Timelines whose creation is under way. */
  readonly creating = new Set<TimelineId>();
  /** Timelines whose deletion is under way. */
  readonly deleting = new Set<TimelineId>();
  /** What keeps a secondary location warm. */
  readonly secondary: Secondary | undefined;
  state: TenantState = "Attaching";
  brokenReason = "";
  #conf: LocationConf;
  #effective: EffectiveConf;
  #leasesRenewedAt: number;

  constructor(node: PageserverNode, id: TenantShardId, conf: LocationConf) {
    this.node = node;
    this.id = id;
    this.key = TenantShardId.format(id);
    this.dir = join(node.config.workdir, "tenants", this.key);
    this.log = node.log.span("tenant", { tenant_id: this.key });
    this.#conf = conf;
    this.secondary = conf.mode === "Secondary" ? new Secondary(this) : undefined;
    this.#effective = new EffectiveConf(node.config.tenantConf, conf.tenantConf);
    this.#leasesRenewedAt = this.#nextRenewal();
  }

  /** Leases are not kept over an attachment: until their holders have had the time to renew them, nothing is collected. */
  get awaitsLeases(): boolean {
    return performance.now() < this.#leasesRenewedAt;
  }

  #nextRenewal(): number {
    return this.#conf.mode === "AttachedSingle"
      ? performance.now() + this.#effective.milliseconds("lsn_lease_length")
      : 0;
  }

  get conf(): LocationConf {
    return this.#conf;
  }

  get effectiveConf(): EffectiveConf {
    return this.#effective;
  }

  get generation(): number {
    return this.#conf.generation ?? 0;
  }

  get isAttached(): boolean {
    return this.#conf.generation !== undefined;
  }

  /** Puts settings in force and writes them to the file `config-v1`. */
  async setConf(conf: LocationConf): Promise<void> {
    await failAt("tenant-config-before-write", undefined, "tenant-config-before-write");
    const isSameAttachment = conf.mode === this.#conf.mode && conf.generation === this.#conf.generation;
    this.#conf = conf;
    this.#effective = new EffectiveConf(this.node.config.tenantConf, conf.tenantConf);
    if (!isSameAttachment) this.#leasesRenewedAt = this.#nextRenewal();
    await mkdir(this.dir, { recursive: true });
    await writeFileDurably(join(this.dir, "config-v1"), locationConfToToml(this.id, conf));
  }

  /** Loads what remote storage has of the tenant and starts to receive WAL. A failure makes the tenant Broken. */
  attach(): Promise<void> {
    return timed(stats.attach, () => this.#attach());
  }

  async #attach(): Promise<void> {
    try {
      await sleepAt("before-attaching-tenant");
      const timelines = await loadTimelines(this);
      await failAt("attach-before-activate", undefined, "attach-before-activate");
      await sleepAt("attach-before-activate-sleep");
      for (const timeline of timelines) this.activate(timeline);
      this.state = "Active";
      this.log.info(`attached in generation ${this.generation} with ${this.timelines.size} timelines`);
    } catch (error) {
      this.state = "Broken";
      this.brokenReason = error instanceof Error ? error.message : String(error);
      this.log.error(`attaching failed: ${this.brokenReason}`);
    }
  }

  /** As if loading it had failed; until it is attached again it serves nobody. */
  async break(reason: string): Promise<void> {
    this.state = "Broken";
    this.brokenReason = reason;
    this.log.warn(`Changing Active state to Broken, reason: ${reason}`);
    await Promise.all([...this.timelines.values()].map((timeline) => this.stopTimeline(timeline, { flush: false })));
  }

  newTimeline(timelineId: TimelineId, index: IndexPart, ancestor: Timeline | undefined): Timeline {
    const { config, remote, deletions, queries, log } = this.node;
    return new Timeline({
      shardId: this.id,
      timelineId,
      tenantDir: this.dir,
      ancestor:
        ancestor === undefined || index.ancestor === undefined
          ? undefined
          : { timeline: ancestor, lsn: index.ancestor.lsn },
      index,
      remote,
      deletions,
      generation: () => this.generation,
      conf: () => this.effectiveConf,
      sync: !config.noSync,
      waitLsnTimeoutMs: config.waitLsnTimeoutMs,
      queries,
      log,
    });
  }

  /** Makes a timeline visible and lets it receive WAL. */
  activate(timeline: Timeline): void {
    timeline.state = "Active";
    this.timelines.set(timeline.timelineId, timeline);
    this.receivers.set(
      timeline.timelineId,
      new WalConnectionManager(timeline, this.node.broker, {
        walSegSize: () => walSegSize(timeline),
        token: this.node.config.safekeeperToken,
      }),
    );
  }

  /** Ends one timeline here; its clients are cut off first and nobody waits for them. */
  async removeTimeline(timeline: Timeline, options: { flush: boolean }): Promise<void> {
    await this.stopTimeline(timeline, options);
    this.timelines.delete(timeline.timelineId);
  }

  /** As removeTimeline, but the timeline can still be looked at. */
  async stopTimeline(timeline: Timeline, options: { flush: boolean }): Promise<void> {
    this.receivers.get(timeline.timelineId)?.stop();
    this.receivers.delete(timeline.timelineId);
    await timeline.shutdown(options);
    await this.node.images.drop(timeline);
  }

  /** Ids of the timelines that branched off this one. */
  childrenOf(timelineId: TimelineId): TimelineId[] {
    return [...this.timelines.values()]
      .filter(({ ancestor }) => ancestor?.timeline.timelineId === timelineId)
      .map((child) => child.timelineId);
  }

  /** Ends everything of the tenant here. With `flush`, what was received is uploaded first. */
  async shutdown(options: { flush: boolean }): Promise<void> {
    this.state = "Stopping";
    await this.secondary?.stop();
    const timelines = [...this.timelines.values()];
    for (const timeline of timelines) timeline.stopServing();
    await Promise.all(timelines.map((timeline) => this.removeTimeline(timeline, options)));
  }

  /** Makes layers of what was received and waits for their upload, but not for longer than `milliseconds`. */
  async flush(milliseconds: number): Promise<void> {
    const uploads = [...this.timelines.values()].map(async (timeline) => {
      await timeline.flush();
      await timeline.remoteClient.completedWithin(milliseconds);
    });
    await Promise.race([Promise.all(uploads), pause(milliseconds)]);
  }

  async removeLocalFiles(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }
}

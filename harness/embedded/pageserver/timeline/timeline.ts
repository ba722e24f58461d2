import { setMaxListeners } from "node:events";
import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Lsn, type PgVersion, TenantShardId, type TimelineId } from "../../../types";
import { errorText, failAt, failpoint, type Logger, syncDirectory } from "../../service";
import type { EffectiveConf } from "../config/tenant-conf";
import { fileChecksum } from "../layers/file-checksum";
import { Layer, type LayerFacts } from "../layers/layer";
import { LayerMap } from "../layers/layer-map";
import { deltaName } from "../layers/layer-name";
import type { OpenLayer } from "../layers/open-layer";
import { WalStore } from "../layers/wal-store";
import type { GcBlocking, IndexPart, LayerMetadata, Lineage } from "../remote/index-part";
import type { DeletionQueue } from "../remote/deletion-queue";
import type { RemoteStorage } from "../../service";
import { RemoteTimelineClient } from "../remote/remote-timeline-client";
import { stats, timed } from "../stats";
import { LsnLeases } from "./leases";
import { LogicalSize } from "./logical-size";
import { LsnWaiters } from "./lsn-waiters";
import { ReadTracker } from "./read-tracker";
import { SeenRecords } from "./seen-records";
import { SessionSet } from "./session-set";
import { type QuerySeries, timelineLabels, TimelineMetrics } from "./timeline-metrics";

export interface TimelineOptions {
  readonly shardId: TenantShardId;
  readonly timelineId: TimelineId;
  readonly tenantDir: string;
  readonly ancestor: { readonly timeline: Timeline; readonly lsn: Lsn } | undefined;
  readonly index: IndexPart;
  readonly remote: RemoteStorage;
  readonly deletions: DeletionQueue;
  /** The generation in which this node has the tenant now. */
  readonly generation: () => number;
  readonly conf: () => EffectiveConf;
  readonly sync: boolean;
  readonly waitLsnTimeoutMs: number;
  readonly queries: QuerySeries;
  readonly log: Logger;
}

/** How long a shutdown waits for remote storage. */
const SHUTDOWN_UPLOAD_MS = 5000;

export type TimelineState = "Loading" | "Active" | "Stopping" | { Broken: { reason: string; backtrace: string } };

/** One timeline: its WAL, its layers, and how far each of them has come. */
export class Timeline {
  readonly shardId: TenantShardId;
  readonly timelineId: TimelineId;
  readonly dir: string;
  readonly pgVersion: PgVersion;
  readonly initdbLsn: Lsn;
  readonly ancestor: { readonly timeline: Timeline; readonly lsn: Lsn } | undefined;
  readonly layers = new LayerMap();
  readonly wal: WalStore;
  readonly remoteClient: RemoteTimelineClient;
  readonly sessions = new SessionSet();
  readonly leases = new LsnLeases();
  readonly reads = new ReadTracker();
  readonly seen = new SeenRecords();
  /** Where branches are being made just now. */
  readonly branchPoints = new Set<{ readonly lsn: Lsn }>();
  readonly logicalSize = new LogicalSize();
  readonly metrics: TimelineMetrics;
  readonly log: Logger;
  readonly conf: () => EffectiveConf;
  /** Below it nothing can be read any more; it only moves forward. */
  latestGcCutoffLsn: Lsn;
  /** What the last collection, which may still go on, has decided to let go of. */
  plannedGcCutoffLsn: Lsn = Lsn.INVALID;
  /** What the slowest replica has replayed; undefined where none has said so since the last collection. */
  standbyHorizon: Lsn | undefined;
  /** Called whenever one of the LSNs has moved; the WAL receiver reports them to its safekeeper. */
  onProgress: () => void = () => undefined;
  state: TimelineState = "Loading";
  deletedAt: string | undefined;
  archivedAt: string | undefined;
  gcBlocking: GcBlocking | undefined;
  readonly lineage: Lineage;
  readonly #options: TimelineOptions;
  readonly #cancel = new AbortController();
  readonly #waiters = new LsnWaiters();
  #lastRecordLsn: Lsn;
  #prevRecordLsn: Lsn;
  #diskConsistentLsn: Lsn;
  #flushedPrevRecordLsn: Lsn | undefined;
  /** Where the last record of a frozen layer starts. */
  readonly #lastRecordOf = new WeakMap<OpenLayer, Lsn>();
  #flushing: Promise<void> = Promise.resolve();
  #job: Promise<unknown> = Promise.resolve();

  constructor(options: TimelineOptions) {
    const { index } = options;
    const shard = TenantShardId.format(options.shardId);
    this.#options = options;
    this.shardId = options.shardId;
    this.timelineId = options.timelineId;
    this.dir = join(options.tenantDir, "timelines", options.timelineId);
    this.pgVersion = index.pgVersion;
    this.initdbLsn = index.initdbLsn;
    this.ancestor = options.ancestor;
    this.latestGcCutoffLsn = index.latestGcCutoffLsn;
    this.deletedAt = index.deletedAt;
    this.archivedAt = index.archivedAt;
    this.gcBlocking = index.gcBlocking;
    this.lineage = index.lineage;
    this.log = options.log.span("timeline", { tenant_id: shard, timeline_id: options.timelineId });
    this.conf = options.conf;
    this.metrics = new TimelineMetrics(options.queries, timelineLabels(options.shardId, options.timelineId));
    this.#lastRecordLsn = index.diskConsistentLsn;
    this.#diskConsistentLsn = index.diskConsistentLsn;
    this.#prevRecordLsn = index.prevRecordLsn ?? index.initdbLsn;
    this.#flushedPrevRecordLsn = index.prevRecordLsn;
    // One listener for every client that waits, so the usual warning about leaks would be wrong.
    setMaxListeners(0, this.#cancel.signal);
    mkdirSync(this.dir, { recursive: true });
    this.wal = new WalStore(this.dir, this.layers);
    this.remoteClient = new RemoteTimelineClient({
      remote: options.remote,
      shardId: shard,
      timelineId: options.timelineId,
      log: this.log,
      deletions: options.deletions,
      remoteConsistentLsn: index.diskConsistentLsn,
    });
  }

  /** End of the last whole record received. */
  get lastRecordLsn(): Lsn {
    return this.#lastRecordLsn;
  }

  /** Start of the last whole record received. */
  get prevRecordLsn(): Lsn {
    return this.#prevRecordLsn;
  }

  /** Up to where finished layer files on this disk hold everything. */
  get diskConsistentLsn(): Lsn {
    return this.#diskConsistentLsn;
  }

  /** Aborted when the timeline leaves this node; everything that works for it stops then. */
  get cancelled(): AbortSignal {
    return this.#cancel.signal;
  }

  /** `tenant/timeline`, as messages name it. */
  get name(): string {
    return `${TenantShardId.format(this.shardId)}/${this.timelineId}`;
  }

  /** `NNCC`, or undefined for an unsharded tenant: new layers are of it. */
  get shardSlug(): string | undefined {
    return TenantShardId.format(this.shardId).split("-")[1];
  }

  /** The generation in which this node has the tenant now: new layers are of it. */
  get generation(): number {
    return this.#options.generation();
  }

  /** Whether files have to reach the disk before they count. */
  get sync(): boolean {
    return this.#options.sync;
  }

  /** With `checked` the file is here and known to be whole: this process has just written it. */
  newLayer(facts: LayerFacts, state: { resident: boolean; checked: boolean }): Layer {
    return new Layer(this.dir, facts, state, {
      download: (layer) => this.remoteClient.download(layer),
      damaged: (message) => this.log.warn(message),
    });
  }

  addLayer(facts: LayerFacts, state: { resident: boolean; checked: boolean }): Layer {
    const layer = this.newLayer(facts, state);
    this.layers.add(layer);
    return layer;
  }

  /** Does background work, which a shutdown of the timeline cancels and waits for. */
  runJob<T>(work: () => Promise<T>): Promise<T> {
    const job = this.#job.then(work);
    this.#job = job.catch(() => undefined);
    return job;
  }

  /** Stores received WAL: `bytes` stand at `lsn`, and make `records` whole if they do. */
  ingest(lsn: Lsn, bytes: Buffer, records: { end: Lsn; lastStart: Lsn } | undefined): void {
    this.wal.append(lsn, bytes);
    if (records === undefined || records.end <= this.#lastRecordLsn) return;
    this.#lastRecordLsn = records.end;
    this.#prevRecordLsn = records.lastStart;
    this.#waiters.advance(records.end);
    if ((this.wal.open?.size ?? 0) >= this.conf().number("checkpoint_distance")) this.flushSoon();
  }

  /** Waits until every record up to `lsn` has been received; LsnTimeoutError after wait_lsn_timeout. */
  async waitLsn(lsn: Lsn, signal?: AbortSignal): Promise<void> {
    if (lsn <= this.#lastRecordLsn) return;
    await timed(stats.waitLsn, () => this.#waitFor(lsn, signal));
  }

  #waitFor(lsn: Lsn, signal?: AbortSignal): Promise<void> {
    return this.#waiters.wait(lsn, {
      timeoutMs: this.#options.waitLsnTimeoutMs,
      signals: signal === undefined ? [this.cancelled] : [this.cancelled, signal],
      describe: () =>
        `Timed out while waiting for WAL record at LSN ${Lsn.format(lsn)} to arrive, ` +
        `last_record_lsn ${Lsn.format(this.#lastRecordLsn)} disk consistent LSN=${Lsn.format(this.#diskConsistentLsn)}`,
    });
  }

  /**
   * Turns the open layer into a delta layer and schedules its upload; resolves when the file stands. What could not be
   * finished earlier is tried again first: no layer may be missing below disk_consistent_lsn.
   */
  flush(): Promise<void> {
    const frozen = this.wal.freeze(this.#lastRecordLsn);
    if (frozen !== undefined) this.#lastRecordOf.set(frozen, this.#prevRecordLsn);
    this.#flushing = this.#flushing.catch(() => undefined).then(() => this.#finishFrozen());
    return this.#flushing;
  }

  /** As flush(), behind: a failure is logged, and the next flush makes up for it. */
  flushSoon(): void {
    this.flush().catch((error: unknown) => this.log.error(`could not flush frozen layer: ${errorText(error)}`));
  }

  async #finishFrozen(): Promise<void> {
    for (const frozen of [...this.wal.frozen]) await this.#finishLayer(frozen);
  }

  async #finishLayer(frozen: OpenLayer): Promise<void> {
    if (this.cancelled.aborted) return;
    if (this.#options.sync) await frozen.sync();
    await failpoint("flush-frozen-pausable", this.cancelled);
    if (this.cancelled.aborted) return;
    await failAt("delta-layer-writer-fail-before-finish");
    const name = deltaName(frozen.start, frozen.end);
    const checksum = await fileChecksum(frozen.path);
    if (this.cancelled.aborted) return;
    const { generation } = this;
    const facts = { name, fileSize: frozen.size, checksum, generation, shard: this.shardSlug };
    const layer = this.newLayer(facts, { resident: true, checked: true });
    frozen.renameTo(layer.path);
    if (this.#options.sync) await syncDirectory(this.dir);
    await failpoint("flush-layer-cancel-after-writing-layer-out-pausable", this.cancelled);
    const refused = await failpoint("checkpoint-before-saving-metadata");
    if (refused !== undefined) throw new Error(refused);
    this.layers.add(layer);
    this.wal.flushed(frozen);
    this.#diskConsistentLsn = frozen.end;
    this.#flushedPrevRecordLsn = this.#lastRecordOf.get(frozen);
    this.scheduleUpload([layer]);
    this.onProgress();
    await failpoint("flush-frozen-exit");
  }

  /** Uploads layers (already in the layer map) and an index that names all layers. */
  scheduleUpload(layers: readonly Layer[]): void {
    this.remoteClient.schedule(layers, this.#options.generation(), this.indexPart(), () => this.onProgress());
  }

  indexPart(): IndexPart {
    const layers = this.layers.indexed().map((layer): [string, LayerMetadata] => [layer.fileName, layer]);
    return {
      layers: new Map(layers),
      diskConsistentLsn: this.#diskConsistentLsn,
      prevRecordLsn: this.#flushedPrevRecordLsn,
      ancestor:
        this.ancestor === undefined
          ? undefined
          : { timelineId: this.ancestor.timeline.timelineId, lsn: this.ancestor.lsn },
      latestGcCutoffLsn: this.latestGcCutoffLsn,
      initdbLsn: this.initdbLsn,
      pgVersion: this.pgVersion,
      deletedAt: this.deletedAt,
      archivedAt: this.archivedAt,
      lineage: this.lineage,
      gcBlocking: this.gcBlocking,
    };
  }

  /** Cuts off clients and whoever waits; the timeline answers nothing from now on. It can still be flushed. */
  stopServing(): void {
    // What is broken stays so.
    if (typeof this.state === "string") this.state = "Stopping";
    this.sessions.destroyAll();
  }

  setBroken(reason: string): void {
    this.state = { Broken: { reason, backtrace: new Error(reason).stack ?? "" } };
  }

  /** Ends the timeline on this node. With `flush`, what was received is made a layer and uploaded first. */
  async shutdown(options: { flush: boolean }): Promise<void> {
    this.stopServing();
    if (options.flush) await this.#flushBeforeShutdown();
    this.#cancel.abort();
    await this.#flushing.catch(() => undefined);
    await this.remoteClient.stop();
    await this.#job;
    this.wal.close();
    this.metrics.remove();
  }

  /** What cannot be made durable now is received again after the next start, so nothing is lost by giving up. */
  async #flushBeforeShutdown(): Promise<void> {
    try {
      await this.flush();
      if (await this.remoteClient.completedWithin(SHUTDOWN_UPLOAD_MS)) return;
      this.log.warn("shutting down before everything was uploaded");
    } catch (error) {
      this.log.error(`flush at shutdown failed: ${errorText(error)}`);
    }
  }

  removeLocalFiles(): Promise<void> {
    return rm(this.dir, { recursive: true, force: true });
  }
}

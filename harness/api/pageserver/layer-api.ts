import { Lsn } from "../../types";
import type { TimelineId } from "../../types";
import { timelinePath } from "../ids";
import type { AnyTenantId } from "../ids";
import type { CallOptions } from "../http/client";
import type { CheckpointOptions, CompactJob, CompactOptions, GcResult, LayerMap, RemoteDownload } from "./layer-types";
import { PageserverTimelineApi } from "./timeline-api";

const LONG_MS = 120_000;
const NOT_MODIFIED = 304;

const forceQuery = (options: CheckpointOptions | CompactOptions) => ({
  force_l0_compaction: options.forceL0Compaction,
  force_repartition: options.forceRepartition,
  force_image_layer_creation: options.forceImageLayerCreation,
  wait_until_uploaded: options.waitUntilUploaded,
});

/** Layers of a timeline: flush, compaction, garbage collection, eviction and download. */
export abstract class PageserverLayerApi extends PageserverTimelineApi {
  /** Flushes the open layer; with `waitUntilUploaded` it returns when remote storage has it. */
  async checkpoint(
    id: AnyTenantId,
    timelineId: TimelineId,
    options: CheckpointOptions = {},
    call: CallOptions = {},
  ): Promise<void> {
    this.need("testing", "checkpoint a timeline");
    const query = {
      ...forceQuery(options),
      wait_until_flushed: options.waitUntilFlushed,
      compact: options.compact,
    };
    const path = `${timelinePath(id, timelineId)}/checkpoint`;
    await this.http.send(path, { timeoutMs: LONG_MS, ...call, method: "PUT", query });
  }

  async compact(
    id: AnyTenantId,
    timelineId: TimelineId,
    options: CompactOptions = {},
    call: CallOptions = {},
  ): Promise<void> {
    await this.http.send(`${timelinePath(id, timelineId)}/compact`, {
      timeoutMs: LONG_MS,
      ...call,
      method: "PUT",
      body: options.request,
      query: {
        ...forceQuery(options),
        enhanced_gc_bottom_most_compaction: options.enhancedGcBottomMostCompaction,
        dry_run: options.dryRun,
        wait_until_scheduled_compaction_done: options.waitUntilScheduledCompactionDone,
      },
    });
  }

  compactionQueue(id: AnyTenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<CompactJob[]> {
    return this.http.json(`${timelinePath(id, timelineId)}/compact`, call);
  }

  async cancelCompaction(id: AnyTenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<void> {
    await this.http.send(`${timelinePath(id, timelineId)}/compact`, { ...call, method: "DELETE" });
  }

  /** Collects garbage now; `gcHorizon` in bytes, the tenant's own where it is not given. */
  collectGarbage(
    id: AnyTenantId,
    timelineId: TimelineId,
    options: { gcHorizon?: number } = {},
    call: CallOptions = {},
  ): Promise<GcResult> {
    const body = { gc_horizon: options.gcHorizon ?? null };
    return this.http.json(`${timelinePath(id, timelineId)}/do_gc`, {
      timeoutMs: LONG_MS,
      ...call,
      method: "PUT",
      body,
    });
  }

  async blockGc(id: AnyTenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<void> {
    await this.http.send(`${timelinePath(id, timelineId)}/block_gc`, { ...call, method: "POST" });
  }

  async unblockGc(id: AnyTenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<void> {
    await this.http.send(`${timelinePath(id, timelineId)}/unblock_gc`, { ...call, method: "POST" });
  }

  layerMap(
    id: AnyTenantId,
    timelineId: TimelineId,
    options: { reset?: "NoReset" | "AllStats" } = {},
    call: CallOptions = {},
  ): Promise<LayerMap> {
    return this.http.json(`${timelinePath(id, timelineId)}/layer`, { ...call, query: { ...options } });
  }

  /** False where the layer was here already. A name that is no layer of the timeline is a 400. */
  downloadLayer(id: AnyTenantId, timelineId: TimelineId, name: string, call: CallOptions = {}): Promise<boolean> {
    return this.#layerCall("GET", id, timelineId, name, { timeoutMs: LONG_MS, ...call });
  }

  /** False where the layer was not here. */
  evictLayer(id: AnyTenantId, timelineId: TimelineId, name: string, call: CallOptions = {}): Promise<boolean> {
    return this.#layerCall("DELETE", id, timelineId, name, call);
  }

  /** Downloads whatever is only in remote storage, one after the other; the number of layers that came. */
  async downloadAllLayers(id: AnyTenantId, timelineId: TimelineId): Promise<number> {
    const { historic_layers: layers } = await this.layerMap(id, timelineId);
    let downloaded = 0;
    for (const layer of layers.filter(({ remote }) => remote)) {
      if (await this.downloadLayer(id, timelineId, layer.layer_file_name)) downloaded += 1;
    }
    return downloaded;
  }

  /** Evicts whatever is here; the number of layers that went. */
  async evictAllLayers(id: AnyTenantId, timelineId: TimelineId): Promise<number> {
    const { historic_layers: layers } = await this.layerMap(id, timelineId);
    let evicted = 0;
    for (const layer of layers.filter(({ remote }) => !remote)) {
      if (await this.evictLayer(id, timelineId, layer.layer_file_name)) evicted += 1;
    }
    return evicted;
  }

  async #layerCall(
    method: "GET" | "DELETE",
    id: AnyTenantId,
    timelineId: TimelineId,
    name: string,
    call: CallOptions,
  ): Promise<boolean> {
    const path = `${timelinePath(id, timelineId)}/layer/${encodeURIComponent(name)}`;
    const answer = await this.http.send(path, { ...call, method, alsoGood: [NOT_MODIFIED] });
    return answer.status !== NOT_MODIFIED;
  }

  /** Starts a task that downloads all layers; there is one at a time. */
  startRemoteDownload(
    id: AnyTenantId,
    timelineId: TimelineId,
    options: { maxConcurrentDownloads: number },
    call: CallOptions = {},
  ): Promise<RemoteDownload> {
    const body = { max_concurrent_downloads: options.maxConcurrentDownloads };
    const path = `${timelinePath(id, timelineId)}/download_remote_layers`;
    return this.http.json(path, { ...call, method: "POST", body });
  }

  /** 404 where no such task was started since the pageserver's start. */
  remoteDownload(id: AnyTenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<RemoteDownload> {
    return this.http.json(`${timelinePath(id, timelineId)}/download_remote_layers`, call);
  }

  /** Which keys of a layer a shard split has left to others. */
  scanDisposableKeys(
    id: AnyTenantId,
    timelineId: TimelineId,
    layerName: string,
    call: CallOptions = {},
  ): Promise<{ disposable_count: number; not_disposable_count: number }> {
    this.need("testing", "scan a layer for disposable keys");
    const path = `${timelinePath(id, timelineId)}/layer/${encodeURIComponent(layerName)}/scan_disposable_keys`;
    return this.http.json(path, { timeoutMs: LONG_MS, ...call, method: "POST" });
  }

  /** The page with this key (36 hexadecimal digits) as the pageserver reconstructs it. */
  async getPage(
    id: AnyTenantId,
    timelineId: TimelineId,
    page: { key: string; lsn: Lsn },
    call: CallOptions = {},
  ): Promise<Buffer> {
    this.need("testing", "read a page over HTTP");
    const query = { key: page.key, lsn: Lsn.format(page.lsn) };
    return (await this.http.send(`${timelinePath(id, timelineId)}/getpage`, { ...call, query })).body;
  }
}

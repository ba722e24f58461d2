import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorText, failpoint, hasErrorCode, sleepAt, unlessMissing } from "../../service";
import { localLayerFile, parseLayerName } from "../layers/layer-name";
import { type Heatmap, type HeatmapLayer, parseHeatmap } from "../remote/heatmap";
import { heatmapObject, layerObject, layerOwner, remoteTimelinePrefix } from "../remote/paths";
import type { Tenant } from "./tenant";

/** What GET secondary/status answers. */
export interface SecondaryProgress {
  heatmap_mtime: string | null;
  layers_downloaded: number;
  layers_total: number;
  bytes_downloaded: number;
  bytes_total: number;
}

const NO_PROGRESS: SecondaryProgress = {
  heatmap_mtime: null,
  layers_downloaded: 0,
  layers_total: 0,
  bytes_downloaded: 0,
  bytes_total: 0,
};

const DEFAULT_PERIOD_MS = 60_000;

interface WantedLayer {
  readonly timelineId: string;
  readonly file: string;
  readonly layer: HeatmapLayer;
}

/** Keeps on this disk what the attached location of a tenant shard has on its own, as its heatmap tells. */
export class Secondary {
  progress: SecondaryProgress = NO_PROGRESS;
  readonly #tenant: Tenant;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  /** When the background is to look at the heatmap again; ms of performance.now(). */
  #nextAt = performance.now() + Math.random() * 1000;

  constructor(tenant: Tenant) {
    this.#tenant = tenant;
  }

  /** Downloads what is missing; calls that come while one is under way share it. Rejects with what went wrong. */
  download(): Promise<void> {
    this.#running ??= this.#download().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** The background's turn: downloads when it is time. */
  tick(): void {
    if (performance.now() < this.#nextAt || this.#running !== undefined || !this.#tenant.conf.secondaryWarm) return;
    this.#nextAt = Number.POSITIVE_INFINITY;
    this.download().catch((error: unknown) => {
      if (this.#stop.signal.aborted) return;
      this.#nextAt = performance.now() + DEFAULT_PERIOD_MS;
      this.#tenant.log.warn(`Secondary download failed, will retry: ${errorText(error)}`);
    });
  }

  /** Nothing is written any more once this resolves. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running?.catch(() => undefined);
  }

  async #download(): Promise<void> {
    const { node, key, dir } = this.#tenant;
    const bytes = await node.remote.read(heatmapObject(key));
    this.#nextAt = performance.now() + DEFAULT_PERIOD_MS;
    // The attached location has not uploaded one yet.
    if (bytes === undefined) return;
    const heatmap = parseHeatmap(bytes.toString("utf8"));
    this.#nextAt = performance.now() + (heatmap.upload_period_ms ?? DEFAULT_PERIOD_MS);
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, "heatmap-v1.json"), bytes);
    const wanted = wantedLayers(heatmap);
    await this.#removeOthers(wanted);
    await this.#takeStock(wanted);
    for (const each of wanted) {
      if (this.#stop.signal.aborted) return;
      await this.#bring(each);
    }
  }

  async #takeStock(wanted: readonly WantedLayer[]): Promise<void> {
    const present: WantedLayer[] = [];
    for (const each of wanted) if (await this.#has(each)) present.push(each);
    this.progress = {
      heatmap_mtime: new Date().toISOString(),
      layers_downloaded: present.length,
      layers_total: wanted.length,
      bytes_downloaded: bytesOf(present),
      bytes_total: bytesOf(wanted),
    };
  }

  async #bring(wanted: WantedLayer): Promise<void> {
    if (await this.#has(wanted)) return;
    await sleepAt("secondary-layer-download-sleep", this.#stop.signal);
    await failpoint("secondary-layer-download-pausable", this.#stop.signal);
    if (this.#stop.signal.aborted) return;
    const { timelineId, layer } = wanted;
    const { node, id } = this.#tenant;
    const owner = layerOwner(id.tenantId, layer.metadata.shard);
    const object = layerObject(layer.name, layer.metadata.generation ?? 0);
    await mkdir(this.#timelineDir(timelineId), { recursive: true });
    const path = join(this.#timelineDir(timelineId), wanted.file);
    try {
      await node.remote.download(`${remoteTimelinePrefix(owner, timelineId)}/${object}`, path);
    } catch (error) {
      // Removed since the heatmap was made: the next one does not name it.
      if (hasErrorCode(error, "ENOENT")) return;
      throw error;
    }
    const { progress } = this;
    this.progress = {
      ...progress,
      layers_downloaded: progress.layers_downloaded + 1,
      bytes_downloaded: progress.bytes_downloaded + layer.metadata.file_size,
    };
  }

  async #has({ timelineId, file, layer }: WantedLayer): Promise<boolean> {
    const facts = await unlessMissing(stat(join(this.#timelineDir(timelineId), file)));
    return facts?.size === layer.metadata.file_size;
  }

  /** What the attached location does not have any more. */
  async #removeOthers(wanted: readonly WantedLayer[]): Promise<void> {
    const files = new Map<string, Set<string>>();
    for (const { timelineId, file } of wanted) files.set(timelineId, (files.get(timelineId) ?? new Set()).add(file));
    for (const timelineId of await namesIn(join(this.#tenant.dir, "timelines"))) {
      const known = files.get(timelineId);
      for (const name of known === undefined ? [] : await namesIn(this.#timelineDir(timelineId))) {
        if (!known?.has(name)) await rm(join(this.#timelineDir(timelineId), name), { force: true });
      }
      if (known === undefined) await rm(this.#timelineDir(timelineId), { recursive: true, force: true });
    }
  }

  #timelineDir(timelineId: string): string {
    return join(this.#tenant.dir, "timelines", timelineId);
  }
}

function wantedLayers(heatmap: Heatmap): WantedLayer[] {
  return heatmap.timelines.flatMap(({ timeline_id: timelineId, layers }) =>
    layers
      .filter(({ name }) => parseLayerName(name) !== undefined)
      .map((layer) => ({ timelineId, layer, file: localLayerFile(layer.name, layer.metadata.generation ?? 0) })),
  );
}

const bytesOf = (layers: readonly WantedLayer[]): number =>
  layers.reduce((sum, { layer }) => sum + layer.metadata.file_size, 0);

const namesIn = async (dir: string): Promise<string[]> => (await unlessMissing(readdir(dir))) ?? [];

import { Lsn } from "../../../types";
import { badRequest, conflict, HttpReply, type HttpRequest, type HttpService, notFound } from "../../service";
import { evictLayer } from "../layers/evict-layer";
import type { Layer } from "../layers/layer";
import { isL0, parseLayerName } from "../layers/layer-name";
import type { TenantManager } from "../tenants/tenant-manager";
import { DownloadTask } from "../timeline/download-task";
import type { Timeline } from "../timeline/timeline";
import { timelineOf } from "./parameters";

const LAYERS = "/v1/tenant/:tenant_shard_id/timeline/:timeline_id/layer";
const DOWNLOADS = "/v1/tenant/:tenant_shard_id/timeline/:timeline_id/download_remote_layers";

/** What a timeline consists of, and which of it is on this disk. */
export function addLayerRoutes(http: HttpService, manager: TenantManager): void {
  http.route("GET", LAYERS, (request) => {
    const { timeline } = timelineOf(manager, request);
    return {
      in_memory_layers: inMemoryLayers(timeline),
      historic_layers: timeline.layers
        .all()
        .toSorted((a, b) => (a.fileName < b.fileName ? -1 : 1))
        .map(layerInfo),
    };
  });
  http.route("GET", `${LAYERS}/:layer`, (request) =>
    changeResidence(manager, request, async (_timeline, layer) => {
      if (layer.resident) return false;
      await layer.touch();
      return true;
    }),
  );
  http.route("DELETE", `${LAYERS}/:layer`, (request) => changeResidence(manager, request, evictLayer));
  const tasks = new WeakMap<Timeline, DownloadTask>();
  http.route("POST", DOWNLOADS, async (request) => {
    const { timeline } = timelineOf(manager, request);
    const { max_concurrent_downloads: limit } = await request.json<{ max_concurrent_downloads?: unknown }>();
    if (typeof limit !== "number") {
      throw badRequest("Failed to parse json request: missing field `max_concurrent_downloads`");
    }
    const running = tasks.get(timeline);
    if (running?.state === "Running") throw conflict("a download task is already running");
    const task = new DownloadTask(timeline, limit);
    tasks.set(timeline, task);
    return new HttpReply(202, task.info());
  });
  http.route("GET", DOWNLOADS, (request) => {
    const task = tasks.get(timelineOf(manager, request).timeline);
    if (task === undefined) throw notFound("task never started since last pageserver process start");
    return task.info();
  });
}

/** 200 when the layer came or went, 304 when it was so already. */
async function changeResidence(
  manager: TenantManager,
  request: HttpRequest,
  change: (timeline: Timeline, layer: Layer) => Promise<boolean>,
): Promise<HttpReply> {
  const { tenant, timeline } = timelineOf(manager, request);
  const name = request.params["layer"] ?? "";
  if (parseLayerName(name) === undefined) throw badRequest(`not a layer name: ${name}`);
  const layer = timeline.layers.get(name);
  if (layer === undefined) {
    return new HttpReply(400, `Layer ${tenant.key}/${timeline.timelineId}/${name} not found`);
  }
  return new HttpReply((await change(timeline, layer)) ? 200 : 304, null);
}

function inMemoryLayers(timeline: Timeline): unknown[] {
  const { open, frozen } = timeline.wal;
  const unfinished: unknown[] = frozen.map((layer) => ({
    kind: "Frozen",
    lsn_start: Lsn.format(layer.start + 1n),
    lsn_end: Lsn.format(layer.end + 1n),
  }));
  if (open !== undefined) unfinished.push({ kind: "Open", lsn_start: Lsn.format(open.start + 1n) });
  return unfinished;
}

function layerInfo(layer: Layer): Record<string, unknown> {
  const { name } = layer;
  const common = {
    layer_file_name: layer.fileName,
    layer_file_size: layer.fileSize,
    lsn_start: Lsn.format(name.kind === "image" ? name.lsn : name.lsnStart),
  };
  const state = {
    remote: !layer.resident,
    access_stats: { access_time: layer.accessTime, residence_time: layer.residenceTime, visible: true },
  };
  if (name.kind === "image") return { kind: "Image", ...common, ...state };
  return { kind: "Delta", ...common, lsn_end: Lsn.format(name.lsnEnd), ...state, l0: isL0(name) };
}

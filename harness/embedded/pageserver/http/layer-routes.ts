import { Lsn } from "../../../types";
import { type HttpService, notFound } from "../../service";
import type { Layer } from "../layers/layer";
import { isL0 } from "../layers/layer-name";
import type { TenantManager } from "../tenants/tenant-manager";
import type { Timeline } from "../timeline/timeline";
import { timelineOf } from "./parameters";

/** What a timeline consists of. */
export function addLayerRoutes(http: HttpService, manager: TenantManager): void {
  http.route("GET", "/v1/tenant/:tenant_shard_id/timeline/:timeline_id/layer", (request) => {
    const { timeline } = timelineOf(manager, request);
    return {
      in_memory_layers: inMemoryLayers(timeline),
      historic_layers: timeline.layers
        .all()
        .toSorted((a, b) => (a.fileName < b.fileName ? -1 : 1))
        .map(layerInfo),
    };
  });
  http.route("GET", "/v1/tenant/:tenant_shard_id/timeline/:timeline_id/download_remote_layers", (request) => {
    timelineOf(manager, request);
    // Layers are downloaded when they are read; there is no such task to start.
    throw notFound("task never started since last pageserver process start");
  });
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

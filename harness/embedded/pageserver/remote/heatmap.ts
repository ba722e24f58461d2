import { type LayerMetadataJson, layerMetadataToJson } from "./index-part";
import type { Layer } from "../layers/layer";

export interface HeatmapLayer {
  name: string;
  metadata: LayerMetadataJson;
  /** Seconds since 1970. */
  access_time: number;
}

/** heatmap-v1.json: what an attached location has on its disk, for its secondaries to have it, too. */
export interface Heatmap {
  generation: number;
  timelines: { timeline_id: string; layers: HeatmapLayer[] }[];
  upload_period_ms: number | null;
}

export function heatmapLayer(layer: Layer): HeatmapLayer {
  return {
    name: layer.fileName,
    metadata: layerMetadataToJson(layer),
    access_time: Math.floor((layer.accessTime === 0 ? layer.residenceTime : layer.accessTime) / 1000),
  };
}

/** Throws when the text is not what `heatmap-v1.json` holds. */
export function parseHeatmap(text: string): Heatmap {
  const heatmap = JSON.parse(text) as Heatmap;
  if (!Array.isArray(heatmap.timelines)) throw new Error("heatmap-v1.json has no timelines");
  return heatmap;
}

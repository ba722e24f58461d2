import { heatmapLayer, type Heatmap } from "../remote/heatmap";
import { heatmapObject } from "../remote/paths";
import type { Tenant } from "./tenant";

/** Tells remote storage which layers an attached tenant has on this disk. */
export async function uploadHeatmap(tenant: Tenant): Promise<void> {
  const timelines = [...tenant.timelines.values()].filter(({ state }) => state === "Active");
  // A secondary could not load what remote storage does not have yet.
  await Promise.all(timelines.map((timeline) => timeline.remoteClient.waitCompletion()));
  const periodMs = tenant.effectiveConf.milliseconds("heatmap_period");
  const heatmap: Heatmap = {
    generation: tenant.generation,
    timelines: timelines.map((timeline) => ({
      timeline_id: timeline.timelineId,
      layers: timeline.layers
        .indexed()
        .filter((layer) => layer.resident)
        .map(heatmapLayer),
    })),
    upload_period_ms: periodMs === 0 ? null : periodMs,
  };
  await tenant.node.remote.uploadBytes(heatmapObject(tenant.key), Buffer.from(JSON.stringify(heatmap)));
}

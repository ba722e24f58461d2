import { rmSync } from "node:fs";
import { stats } from "../stats";
import type { Timeline } from "../timeline/timeline";
import type { Layer } from "./layer";

/** Removes a layer's file from this disk when nobody reads the timeline; it is downloaded again when it is needed. */
export async function evictLayer(timeline: Timeline, layer: Layer): Promise<boolean> {
  stats.evictions.started += 1;
  // Only what remote storage has may go.
  await timeline.remoteClient.waitCompletion();
  timeline.cancelled.throwIfAborted();
  while (timeline.reads.active > 0) await timeline.reads.idle();
  if (!layer.resident || timeline.layers.get(layer.fileName) !== layer) return false;
  layer.resident = false;
  // In the same tick: nobody may find the file and lose it before opening it.
  rmSync(layer.path, { force: true });
  timeline.metrics.evictions += 1;
  stats.evictions.completed += 1;
  timeline.log.info(`evicted layer ${layer.fileName}`);
  return true;
}

import { rm } from "node:fs/promises";
import { errorText } from "../../service";
import type { Layer } from "../layers/layer";
import { stats } from "../stats";
import type { Timeline } from "./timeline";

/**
 * Exchanges layers of a timeline. The new ones (files are here) are used when remote storage has them and an index that
 * names them; the old ones go when that index is there and everybody who may be reading them has ended.
 */
export async function replaceLayers(
  timeline: Timeline,
  change: { added: readonly Layer[]; removed: readonly Layer[] },
): Promise<void> {
  const { added, removed } = change;
  timeline.layers.announce(added, removed);
  timeline.scheduleUpload(added);
  await timeline.remoteClient.waitCompletion();
  // Uploads that were given up look like completed ones.
  timeline.cancelled.throwIfAborted();
  timeline.layers.admit(added);
  if (removed.length === 0) return;
  const removal = timeline.reads.idle().then(() => remove(timeline, removed));
  if (timeline.reads.active === 0) return removal;
  // A slow client may read for long, and nothing else has to wait for it.
  removal.catch((error: unknown) => timeline.log.warn(`removing layers failed: ${errorText(error)}`));
}

async function remove(timeline: Timeline, layers: readonly Layer[]): Promise<void> {
  if (timeline.cancelled.aborted) return;
  timeline.layers.remove(layers);
  stats.layerDeletes += layers.length;
  await Promise.all(layers.map((layer) => rm(layer.path, { force: true })));
  timeline.remoteClient.deleteLayers(layers, timeline.generation);
}

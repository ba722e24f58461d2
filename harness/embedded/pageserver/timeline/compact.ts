import type { Layer } from "../layers/layer";
import { isL0 } from "../layers/layer-name";
import type { MaterializedImages } from "../page-service/materialized-images";
import { createImageLayer } from "./create-image-layer";
import { newestImageLsn } from "./history";
import { mergeDeltas } from "./merge-deltas";
import type { Timeline } from "./timeline";

/** A compute starts, and a page is read, by replaying the WAL since an image: so much of it at most, or a part of the image. */
const IMAGE_DISTANCE = 64 * 1024 * 1024;
const IMAGE_DISTANCE_PER_SIZE = 1 / 4;
/** Without being asked, no image is made for less WAL than this: it costs as much as the whole database. */
const LEAST_DISTANCE = 16 * 1024 * 1024;

/** What a compaction does even if nothing has reached its threshold. */
export interface CompactionFlags {
  readonly forceImage: boolean;
  readonly forceL0: boolean;
}

/** Merges level-0 deltas and makes an image layer, each if it is time for it by the tenant's settings or asked for. */
export async function compact(timeline: Timeline, images: MaterializedImages, flags: CompactionFlags): Promise<void> {
  if (flags.forceL0 || hasManyL0(timeline)) await mergeDeltas(timeline);
  if (flags.forceImage) await createImageLayer(timeline, images, "end");
  else if (hasManyDeltas(timeline) || isFarFromImage(timeline)) await createImageLayer(timeline, images, "checkpoint");
}

/** Whether the background should compact although nobody asked. */
export function wantsCompaction(timeline: Timeline): boolean {
  return hasManyL0(timeline) || wantsImage(timeline);
}

function wantsImage(timeline: Timeline): boolean {
  const threshold = timeline.conf().number("image_creation_threshold");
  const distance = Math.min(LEAST_DISTANCE, timeline.conf().number("checkpoint_distance"));
  return (hasManyDeltas(timeline) && walSinceImage(timeline) >= threshold * distance) || isFarFromImage(timeline);
}

function hasManyL0(timeline: Timeline): boolean {
  const deltas = timeline.layers.all().filter(({ name }) => isL0(name));
  return deltas.length > 0 && deltas.length >= timeline.conf().number("compaction_threshold");
}

/** Deltas with WAL behind the newest image, as image_creation_threshold counts them. */
function hasManyDeltas(timeline: Timeline): boolean {
  const image = newestImageLsn(timeline) ?? 0n;
  const isBehind = ({ walRange }: Layer): boolean => walRange !== undefined && walRange.end > image;
  const count = timeline.layers.all().filter(isBehind).length;
  return count > 0 && count >= timeline.conf().number("image_creation_threshold");
}

/** Whether the WAL since the newest image has become long, be it in layers or not. */
export function isFarFromImage(timeline: Timeline): boolean {
  const size = timeline.layers.newestImage(timeline.lastRecordLsn)?.fileSize ?? 0;
  return walSinceImage(timeline) >= Math.max(IMAGE_DISTANCE, size * IMAGE_DISTANCE_PER_SIZE);
}

function walSinceImage(timeline: Timeline): number {
  const image = newestImageLsn(timeline);
  return image === undefined ? 0 : Number(timeline.lastRecordLsn - image);
}

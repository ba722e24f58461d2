import { open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Lsn } from "../../../types";
import { sealImage } from "../../pg/seal";
import { failAt, syncDirectory } from "../../service";
import { fileChecksum } from "../layers/file-checksum";
import type { Layer } from "../layers/layer";
import { imageName, type LayerName } from "../layers/layer-name";
import type { MaterializedImages } from "../page-service/materialized-images";
import { newestImageLsn } from "./history";
import { replaceLayers } from "./replace-layers";
import type { Timeline } from "./timeline";

/** How far behind the end an image may be to begin at a checkpoint; recovery begins there in any case. */
const NEAR = 64n * 1024n * 1024n;

/** Flushes, and makes an image layer of the timeline's end or of the checkpoint before. Undefined when there is one already. */
export async function createImageLayer(
  timeline: Timeline,
  images: MaterializedImages,
  place: "end" | "checkpoint",
): Promise<Layer | undefined> {
  await timeline.flush();
  timeline.cancelled.throwIfAborted();
  const end = timeline.diskConsistentLsn;
  const checkpoint = place === "checkpoint" ? timeline.seen.checkpointEnd : undefined;
  const isNear = checkpoint !== undefined && checkpoint <= end && checkpoint + NEAR > end;
  const lsn = isNear && checkpoint > (newestImageLsn(timeline, end) ?? 0n) ? checkpoint : end;
  const newest = timeline.layers.newestImage(lsn)?.name;
  if (newest?.kind === "image" && newest.lsn === lsn) return undefined;
  const layer = await layerFromFile(timeline, imageName(lsn), (file) => seal(timeline, images, lsn, file));
  await replaceLayers(timeline, { added: [layer], removed: [] });
  timeline.log.info(`created image layer ${layer.fileName}`);
  return layer;
}

function seal(timeline: Timeline, images: MaterializedImages, lsn: Lsn, outFile: string): Promise<unknown> {
  const signal = timeline.cancelled;
  return images.use(
    timeline,
    { notModifiedSince: lsn, lsn },
    () => Promise.resolve(lsn),
    ({ dir, source }) => sealImage({ dataDir: dir, source, lsn, outFile, signal }),
  );
}

const BEFORE_FINISH = {
  image: "image-layer-writer-fail-before-finish",
  delta: "delta-layer-writer-fail-before-finish",
} as const;

/** A layer whose file `write` makes under another name first; it is not in the layer map yet. */
export async function layerFromFile(
  timeline: Timeline,
  name: LayerName,
  write: (file: string) => Promise<unknown>,
): Promise<Layer> {
  const file = join(timeline.dir, `${name.kind}-${"lsn" in name ? name.lsn : name.lsnEnd}.___temp`);
  try {
    await write(file);
    timeline.cancelled.throwIfAborted();
    await failAt(BEFORE_FINISH[name.kind]);
    const { size } = await stat(file);
    const checksum = await fileChecksum(file);
    const { generation, shardSlug: shard } = timeline;
    const layer = timeline.newLayer(
      { name, fileSize: size, checksum, generation, shard },
      { resident: true, checked: true },
    );
    if (timeline.sync) await syncFile(file);
    await rename(file, layer.path);
    if (timeline.sync) await syncDirectory(timeline.dir);
    return layer;
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

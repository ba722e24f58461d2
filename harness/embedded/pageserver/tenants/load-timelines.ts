import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { TimelineId } from "../../../types";
import { failAt, unlessMissing } from "../../service";
import { localLayerFile, parseLayerName } from "../layers/layer-name";
import { findIndexPart } from "../remote/find-index";
import type { IndexPart } from "../remote/index-part";
import { remoteTimelinePrefix, remoteTimelinesPrefix } from "../remote/paths";
import { removeTimelineObjects } from "../remote/remove-timeline-objects";
import { findManifest } from "../remote/tenant-manifest";
import type { Timeline } from "../timeline/timeline";
import type { Tenant } from "./tenant";
import { uploadManifest } from "./upload-manifest";

/** The timelines of a tenant as remote storage knows them, ancestors first. What is only on this disk is removed. */
export async function loadTimelines(tenant: Tenant): Promise<Timeline[]> {
  const offloaded = await findManifest(tenant.node.remote, tenant.key, tenant.generation);
  for (const timeline of offloaded) tenant.offloaded.set(timeline.timelineId, timeline);
  const names = await remoteTimelines(tenant);
  await forgetDeleted(tenant, new Set(names));
  const indexes = await readIndexes(tenant, names);
  await removeUnknown(join(tenant.dir, "timelines"), new Set(indexes.keys()));
  const loaded = new Map<TimelineId, Timeline>();
  const pending = new Map(indexes);
  while (pending.size > 0) {
    const ready = [...pending].filter(([, { ancestor }]) => ancestor === undefined || loaded.has(ancestor.timelineId));
    if (ready.length === 0) throw new Error(`ancestors are missing of timelines ${[...pending.keys()].join(", ")}`);
    for (const [timelineId, index] of ready) {
      pending.delete(timelineId);
      const ancestor = index.ancestor === undefined ? undefined : loaded.get(index.ancestor.timelineId);
      loaded.set(timelineId, await loadTimeline(tenant, timelineId, index, ancestor));
    }
  }
  return [...loaded.values()];
}

/** One timeline by its index, whose ancestor is loaded. */
export async function loadTimeline(
  tenant: Tenant,
  timelineId: TimelineId,
  index: IndexPart,
  ancestor: Timeline | undefined,
): Promise<Timeline> {
  const timeline = tenant.newTimeline(timelineId, index, ancestor);
  await loadLayers(timeline, index);
  return timeline;
}

async function remoteTimelines(tenant: Tenant): Promise<TimelineId[]> {
  await failAt("storage-sync-list-remote-timelines", undefined, "storage-sync-list-remote-timelines");
  const { prefixes } = await tenant.node.remote.list(remoteTimelinesPrefix(tenant.key));
  return prefixes.toSorted().map((name) => TimelineId.parse(name));
}

/** Of an offloaded timeline without any object the deletion broke off just before its end. */
async function forgetDeleted(tenant: Tenant, names: ReadonlySet<TimelineId>): Promise<void> {
  const deleted = [...tenant.offloaded.keys()].filter((timelineId) => !names.has(timelineId));
  if (deleted.length === 0) return;
  for (const timelineId of deleted) tenant.offloaded.delete(timelineId);
  await uploadManifest(tenant);
}

async function readIndexes(tenant: Tenant, names: readonly TimelineId[]): Promise<Map<TimelineId, IndexPart>> {
  const { remote } = tenant.node;
  const indexes = new Map<TimelineId, IndexPart>();
  for (const timelineId of names) {
    if (tenant.offloaded.has(timelineId)) continue;
    const index = await findIndexPart(remote, tenant.key, timelineId, tenant.generation);
    if (index === undefined) continue;
    // A deletion that was interrupted: nobody can want the timeline any more.
    if (index.deletedAt !== undefined)
      await removeTimelineObjects(remote, remoteTimelinePrefix(tenant.key, timelineId));
    else indexes.set(timelineId, index);
  }
  return indexes;
}

async function loadLayers(timeline: Timeline, index: IndexPart): Promise<void> {
  const files = new Set<string>();
  let imageBytes = 0;
  for (const [fileName, { fileSize, generation, shard, checksum }] of index.layers) {
    const name = parseLayerName(fileName);
    if (name === undefined) throw new Error(`index of timeline ${timeline.name} names a bad layer: ${fileName}`);
    const file = localLayerFile(fileName, generation);
    const resident = (await sizeOf(join(timeline.dir, file))) === fileSize;
    if (resident) files.add(file);
    timeline.addLayer({ name, fileSize, generation, shard, checksum }, { resident, checked: false });
    if (name.kind === "image") imageBytes = fileSize;
  }
  timeline.logicalSize.estimate(imageBytes);
  await removeUnknown(timeline.dir, files);
}

const sizeOf = async (path: string): Promise<number | undefined> => (await unlessMissing(stat(path)))?.size;

async function removeUnknown(dir: string, known: ReadonlySet<string>): Promise<void> {
  for (const name of (await unlessMissing(readdir(dir))) ?? []) {
    if (!known.has(name)) await rm(join(dir, name), { recursive: true, force: true });
  }
}

import { copyFile } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Lsn, type TimelineId } from "../../../types";
import { badRequest, conflict, failAt, failpoint, notFound } from "../../service";
import type { Layer } from "../layers/layer";
import type { LayerName } from "../layers/layer-name";
import type { IndexPart } from "../remote/index-part";
import { layerFromFile } from "../timeline/create-image-layer";
import { readWal, uncollectedLsn, whileReading } from "../timeline/history";
import type { Timeline } from "../timeline/timeline";
import type { Tenant } from "./tenant";
import type { TenantManager } from "./tenant-manager";

type Branch = Timeline & { readonly ancestor: NonNullable<Timeline["ancestor"]> };

/**
 * Makes a branch independent: it gets the part of its ancestor's layers that it reads, and the ancestor's earlier branches.
 * Returns those; they are the same when it is asked again. The tenant is loaded anew, so its clients have to come again.
 */
export async function detachAncestor(
  manager: TenantManager,
  tenant: Tenant,
  timelineId: TimelineId,
): Promise<TimelineId[]> {
  const timeline = tenant.timelines.get(timelineId);
  if (timeline === undefined) throw notFound(`Timeline ${tenant.key}/${timelineId} was not found`);
  if (!isBranch(timeline)) {
    if (timeline.lineage.original_ancestor === undefined) throw conflict("no ancestors");
    return tenant.childrenOf(timelineId).toSorted();
  }
  const earlier = earlierBranches(tenant, timeline);
  await failpoint("timeline-detach-ancestor::before_starting_after_locking-pausable", timeline.cancelled);
  const fail = (place: string): Promise<void> => failAt(place, undefined, `failpoint: ${place}`);
  await fail("timeline-detach-ancestor::before_starting_after_locking");
  await whileReading(timeline, () => inheritLayers(tenant, timeline));
  for (const branch of earlier) await reparent(branch, timeline);
  await fail("timeline-detach-ancestor::complete_before_uploading");
  await manager.reload(tenant.id);
  return earlier.map((branch) => branch.timelineId).toSorted();
}

const isBranch = (timeline: Timeline): timeline is Branch => timeline.ancestor !== undefined;

/** The other branches of the ancestor that end within what the timeline takes over. Throws where Neon refuses. */
function earlierBranches(tenant: Tenant, timeline: Branch): Branch[] {
  const { timeline: ancestor, lsn } = timeline.ancestor;
  if (timeline.archivedAt !== undefined) throw badRequest(`archived: ${timeline.timelineId}`);
  const branches = [...tenant.timelines.values()].filter(isBranch);
  const earlier = branches.filter(
    (other) => other !== timeline && other.ancestor.timeline === ancestor && other.ancestor.lsn <= lsn,
  );
  const archived = earlier.find((other) => other.archivedAt !== undefined)?.timelineId;
  const offloaded = [...tenant.offloaded.values()].find(
    (other) => other.ancestorTimelineId === ancestor.timelineId && (other.ancestorRetainLsn ?? 0n) <= lsn,
  )?.timelineId;
  const obstacle = archived ?? offloaded;
  if (obstacle !== undefined) throw badRequest(`archived: ${obstacle}`);
  if (ancestor.ancestor !== undefined) throw badRequest("too many ancestors");
  return earlier;
}

async function inheritLayers(tenant: Tenant, timeline: Branch): Promise<void> {
  const { timeline: ancestor, lsn } = timeline.ancestor;
  await ancestor.flush();
  await ancestor.remoteClient.waitCompletion();
  const inherited: Layer[] = [];
  const written: Layer[] = [];
  for (const layer of ancestor.layers.indexed()) {
    const part = partBelow(layer.name, lsn);
    if (part === layer.name) inherited.push(await copyLayer(timeline, ancestor, layer));
    else if (part !== undefined) written.push(await copyStart(timeline, ancestor, part));
  }
  const own = timeline.indexPart();
  const index: IndexPart = {
    ...own,
    ancestor: undefined,
    latestGcCutoffLsn: uncollectedLsn(timeline),
    layers: new Map([...own.layers, ...[...inherited, ...written].map((layer) => [layer.fileName, layer] as const)]),
    lineage: {
      ...own.lineage,
      original_ancestor: [ancestor.timelineId, Lsn.format(lsn), new Date().toISOString().slice(0, -1)],
    },
  };
  timeline.remoteClient.schedule(written, tenant.generation, index);
  await timeline.remoteClient.waitCompletion();
  timeline.cancelled.throwIfAborted();
}

/** What of a layer lies at or below `lsn`: all of it (the same name), a part of its WAL, or nothing. */
function partBelow(name: LayerName, lsn: Lsn): LayerName | undefined {
  if (name.kind === "image") return name.lsn <= lsn ? name : undefined;
  if (name.lsnEnd - 1n <= lsn) return name;
  return name.lsnStart - 1n < lsn ? { ...name, lsnEnd: lsn + 1n } : undefined;
}

async function copyLayer(timeline: Timeline, from: Timeline, layer: Layer): Promise<Layer> {
  await failAt("before-copy-layer");
  await failpoint("before-copy-layer-pausable", timeline.cancelled);
  const { name, fileSize, checksum } = layer;
  const facts = { name, fileSize, checksum, generation: timeline.generation, shard: timeline.shardSlug };
  const copy = timeline.newLayer(facts, { resident: layer.resident, checked: false });
  await from.remoteClient.copyLayer(layer, timeline.remoteClient, copy);
  if (layer.resident) await copyFile(layer.path, copy.path);
  return copy;
}

function copyStart(timeline: Timeline, from: Timeline, name: LayerName): Promise<Layer> {
  if (name.kind === "image") throw new Error("an image has no parts");
  const wal = readWal(from, name.lsnStart - 1n, name.lsnEnd - 1n);
  return layerFromFile(timeline, name, (file) => pipeline(Readable.from(wal), createWriteStream(file)));
}

/** The branch goes on from the same place, which is now the detached timeline's. */
async function reparent(branch: Branch, onto: Timeline): Promise<void> {
  const own = branch.indexPart();
  const history = [...(own.lineage.reparenting_history ?? []), branch.ancestor.timeline.timelineId];
  branch.remoteClient.schedule([], branch.generation, {
    ...own,
    ancestor: { timelineId: onto.timelineId, lsn: branch.ancestor.lsn },
    lineage: { ...own.lineage, reparenting_history: history },
  });
  await branch.remoteClient.waitCompletion();
  branch.cancelled.throwIfAborted();
}

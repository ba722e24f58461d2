import type { TimelineId } from "../../../types";
import { internal, notFound, preconditionFailed } from "../../service";
import { findIndexPart } from "../remote/find-index";
import { remoteTimelinePrefix } from "../remote/paths";
import { removeTimelineObjects } from "../remote/remove-timeline-objects";
import type { Timeline } from "../timeline/timeline";
import { loadTimeline } from "./load-timelines";
import type { Tenant } from "./tenant";
import { uploadManifest } from "./upload-manifest";

/** Keeps of an archived timeline only that it exists. 412 where that cannot be. */
export async function offloadTimeline(tenant: Tenant, timeline: Timeline): Promise<void> {
  const { timelineId, archivedAt } = timeline;
  if (tenant.childrenOf(timelineId).length > 0) throw preconditionFailed("timeline has attached children");
  if (archivedAt === undefined) throw cannot("the timeline is not archived");
  await timeline.flush();
  await timeline.remoteClient.waitCompletion();
  tenant.offloaded.set(timelineId, {
    timelineId,
    ancestorTimelineId: timeline.ancestor?.timeline.timelineId,
    ancestorRetainLsn: timeline.ancestor?.lsn,
    archivedAt,
  });
  try {
    // In remote storage first: what this disk loses must be known as offloaded.
    await uploadManifest(tenant);
  } catch (error) {
    tenant.offloaded.delete(timelineId);
    throw error;
  }
  await tenant.removeTimeline(timeline, { flush: false });
  await timeline.removeLocalFiles();
  timeline.log.info("offloaded");
}

const cannot = (reason: string): Error => preconditionFailed(`Timeline::can_offload() check failed: ${reason}`);

/** Brings an offloaded timeline back, not archived any more. */
export async function unoffloadTimeline(tenant: Tenant, timelineId: TimelineId): Promise<void> {
  const offloaded = tenant.offloaded.get(timelineId);
  if (offloaded === undefined) throw notFound(`Timeline ${tenant.key}/${timelineId} was not found`);
  const { ancestorTimelineId: ancestorId } = offloaded;
  const ancestor = ancestorId === undefined ? undefined : tenant.timelines.get(ancestorId);
  if (ancestorId !== undefined && (ancestor === undefined || ancestor.archivedAt !== undefined)) {
    throw preconditionFailed(`Timeline's ancestor is archived. Ancestor: ${ancestorId}`);
  }
  const index = await findIndexPart(tenant.node.remote, tenant.key, timelineId, tenant.generation);
  if (index === undefined) throw internal(`offloaded timeline ${tenant.key}/${timelineId} has no index`);
  const timeline = await loadTimeline(tenant, timelineId, { ...index, archivedAt: undefined }, ancestor);
  timeline.scheduleUpload([]);
  await timeline.remoteClient.waitCompletion();
  tenant.offloaded.delete(timelineId);
  await uploadManifest(tenant);
  tenant.activate(timeline);
}

/** Deletes a timeline of which there is nothing here. */
export async function deleteOffloaded(tenant: Tenant, timelineId: TimelineId): Promise<void> {
  const children = [...tenant.offloaded.values()].filter((other) => other.ancestorTimelineId === timelineId);
  if (children.length > 0) {
    const ids = children.map((child) => child.timelineId).join(", ");
    throw preconditionFailed(`Cannot delete timeline which has child timelines: [${ids}]`);
  }
  await removeTimelineObjects(tenant.node.remote, remoteTimelinePrefix(tenant.key, timelineId));
  tenant.offloaded.delete(timelineId);
  await uploadManifest(tenant);
}

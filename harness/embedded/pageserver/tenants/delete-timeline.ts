import type { TimelineId } from "../../../types";
import { conflict, errorText, failAt, failpoint, notFound, preconditionFailed } from "../../service";
import type { Timeline } from "../timeline/timeline";
import type { Tenant } from "./tenant";

/**
 * Deletes a timeline here and in remote storage; resolves when no restart can bring it back, the rest goes on behind. Where
 * it failed, the next call goes on from there. 404 when the timeline is not there, 412 while it has branches, 409 while an
 * earlier call is at it.
 */
export async function deleteTimeline(tenant: Tenant, timelineId: TimelineId): Promise<void> {
  const timeline = tenant.timelines.get(timelineId);
  if (timeline === undefined) throw notFound("timeline not found");
  requireNoChildren(tenant, timeline);
  if (tenant.deleting.has(timelineId)) throw conflict("timeline deletion is already in progress");
  tenant.deleting.add(timelineId);
  try {
    await markDeleted(tenant, timeline);
  } catch (error) {
    tenant.deleting.delete(timelineId);
    throw error;
  }
  removeData(tenant, timeline)
    .catch((error: unknown) => {
      timeline.log.error(`Error: ${errorText(error)}`);
      timeline.setBroken(errorText(error));
    })
    .finally(() => tenant.deleting.delete(timelineId));
}

function requireNoChildren(tenant: Tenant, timeline: Timeline): void {
  const offloaded = [...tenant.offloaded.values()].filter((other) => other.ancestorTimelineId === timeline.timelineId);
  const children = [...tenant.childrenOf(timeline.timelineId), ...offloaded.map((other) => other.timelineId)];
  if (children.length === 0) return;
  throw preconditionFailed(`Cannot delete timeline which has child timelines: [${children.join(", ")}]`);
}

/** From here on a restart goes on with the deletion instead of bringing the timeline back. */
async function markDeleted(tenant: Tenant, timeline: Timeline): Promise<void> {
  timeline.stopServing();
  await fail("timeline-delete-before-index-deleted-at");
  if (timeline.deletedAt === undefined) {
    timeline.deletedAt = new Date().toISOString();
    await failpoint("persist_deleted_index_part", timeline.cancelled);
    timeline.scheduleUpload([]);
    await timeline.remoteClient.waitCompletion();
  }
  await fail("timeline-delete-before-schedule");
  await tenant.stopTimeline(timeline, { flush: false });
}

async function removeData(tenant: Tenant, timeline: Timeline): Promise<void> {
  await fail("timeline-delete-before-rm");
  await timeline.removeLocalFiles();
  await fail("timeline-delete-after-rm");
  await timeline.remoteClient.removeEverything();
  await failpoint("in_progress_delete");
  tenant.timelines.delete(timeline.timelineId);
  timeline.log.info("deleted");
}

const fail = (name: string): Promise<void> => failAt(name, undefined, `failpoint: ${name}`);

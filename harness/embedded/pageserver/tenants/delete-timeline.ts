import type { TimelineId } from "../../../types";
import { notFound, preconditionFailed } from "../../service";
import type { Tenant } from "./tenant";

/** Deletes a timeline here and in remote storage. 404 when it is not there, 412 while it has branches. */
export async function deleteTimeline(tenant: Tenant, timelineId: TimelineId): Promise<void> {
  const timeline = tenant.timelines.get(timelineId);
  if (timeline === undefined) throw notFound("timeline not found");
  const children = [...tenant.timelines.values()].filter((other) => other.ancestor?.timeline === timeline);
  if (children.length > 0) {
    const ids = children.map((child) => child.timelineId).join(", ");
    throw preconditionFailed(`Cannot delete timeline which has child timelines: [${ids}]`);
  }
  timeline.stopServing();
  // From here on a restart goes on with the deletion instead of bringing the timeline back.
  timeline.deletedAt = new Date().toISOString();
  timeline.scheduleUpload([]);
  await timeline.remoteClient.waitCompletion();
  await tenant.removeTimeline(timeline, { flush: false });
  await timeline.removeLocalFiles();
  await timeline.remoteClient.removeEverything();
  timeline.log.info("deleted");
}

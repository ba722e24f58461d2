import type { TimelineId } from "../../../types";
import { badRequest, notFound, preconditionFailed } from "../../service";
import type { Timeline } from "../timeline/timeline";
import { unoffloadTimeline } from "./offload-timeline";
import type { Tenant } from "./tenant";

/** Archives a timeline or takes that back; remembered in remote storage. 412 where its relatives forbid it. */
export async function setArchival(tenant: Tenant, timelineId: TimelineId, state: unknown): Promise<void> {
  if (state !== "Archived" && state !== "Unarchived") {
    const expected = "expected `Archived` or `Unarchived`";
    throw badRequest(`Failed to parse json request: unknown variant \`${String(state)}\`, ${expected}`);
  }
  if (tenant.offloaded.has(timelineId)) {
    if (state === "Unarchived") await unoffloadTimeline(tenant, timelineId);
    return;
  }
  const timeline = tenant.timelines.get(timelineId);
  if (timeline === undefined) throw notFound(`Timeline ${tenant.key}/${timelineId} was not found`);
  const isArchived = timeline.archivedAt !== undefined;
  if (isArchived === (state === "Archived")) return;
  if (state === "Archived") requireArchivedChildren(tenant, timeline);
  else requireUnarchivedParent(timeline);
  timeline.archivedAt = state === "Archived" ? new Date().toISOString() : undefined;
  timeline.scheduleUpload([]);
  await timeline.remoteClient.waitCompletion();
}

function requireArchivedChildren(tenant: Tenant, timeline: Timeline): void {
  const children = [...tenant.timelines.values()].filter(
    (other) => other.ancestor?.timeline === timeline && other.archivedAt === undefined,
  );
  if (children.length === 0) return;
  const ids = children.map((child) => child.timelineId).join(", ");
  throw preconditionFailed(`Cannot archive timeline which has non-archived child timelines: [${ids}]`);
}

function requireUnarchivedParent(timeline: Timeline): void {
  const parent = timeline.ancestor?.timeline;
  if (parent?.archivedAt === undefined) return;
  throw preconditionFailed(`Timeline's ancestor is archived. Ancestor: ${parent.timelineId}`);
}

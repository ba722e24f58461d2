import { TenantShardId } from "../../../types";
import { ApiError, HttpReply, type HttpRequest, type HttpService, preconditionFailed } from "../../service";
import { countLogicalSize } from "../page-service/count-logical-size";
import { setArchival } from "../tenants/archive-timeline";
import { createTimeline, type CreateTimelineRequest } from "../tenants/create-timeline";
import { deleteTimeline } from "../tenants/delete-timeline";
import type { Tenant } from "../tenants/tenant";
import type { TenantManager } from "../tenants/tenant-manager";
import type { Timeline } from "../timeline/timeline";
import { timelineInfo } from "../timeline/timeline-info";
import { flag, shardIdOf, tenantOf, timelineIdOf, timelineOf } from "./parameters";

const TIMELINES = "/v1/tenant/:tenant_shard_id/timeline";
const TIMELINE = `${TIMELINES}/:timeline_id`;

const info = (tenant: Tenant, timeline: Timeline): Record<string, unknown> =>
  timelineInfo(timeline, tenant.receivers.get(timeline.timelineId)?.status());

/** Timelines: create, look at, delete, flush. */
export function addTimelineRoutes(http: HttpService, manager: TenantManager): void {
  http.route("POST", TIMELINES, async (request) => {
    const tenant = tenantOf(manager, request);
    const timeline = await createTimeline(tenant, await request.json<CreateTimelineRequest>());
    return new HttpReply(201, info(tenant, timeline));
  });
  http.route("GET", TIMELINES, (request) => {
    const tenant = tenantOf(manager, request);
    return [...tenant.timelines.values()].map((timeline) => info(tenant, timeline));
  });
  http.route("GET", "/v1/tenant/:tenant_shard_id/timeline_and_offloaded", (request) => {
    const tenant = tenantOf(manager, request);
    return { timelines: [...tenant.timelines.values()].map((timeline) => info(tenant, timeline)), offloaded: [] };
  });
  http.route("GET", TIMELINE, (request) => getTimeline(manager, request));
  http.route("DELETE", TIMELINE, (request) => removeTimeline(manager, request));
  http.route("PUT", `${TIMELINE}/archival_config`, async (request) => {
    const { tenant, timeline } = timelineOf(manager, request);
    await setArchival(tenant, timeline, (await request.json<{ state?: unknown }>()).state);
  });
  http.route("PUT", `${TIMELINE}/checkpoint`, (request) => checkpoint(manager, request));
  http.route("PUT", `${TIMELINE}/compact`, (request) => compact(manager, request));
  http.route("GET", `${TIMELINE}/compact`, (request) => {
    timelineOf(manager, request);
    return [];
  });
}

async function getTimeline(manager: TenantManager, request: HttpRequest): Promise<unknown> {
  const { tenant, timeline } = timelineOf(manager, request);
  const count = flag(request, "include-non-incremental-logical-size", false);
  if (!count && !flag(request, "force-await-initial-logical-size", false)) return info(tenant, timeline);
  const size = await countLogicalSize(timeline, manager.node.images);
  return { ...info(tenant, timeline), current_logical_size_non_incremental: count ? size : null };
}

async function removeTimeline(manager: TenantManager, request: HttpRequest): Promise<HttpReply> {
  const tenant = manager.find(TenantShardId.format(shardIdOf(request)));
  if (tenant?.isAttached !== true) throw preconditionFailed("Requested tenant is missing");
  await deleteTimeline(tenant, timelineIdOf(request));
  return new HttpReply(202, null);
}

async function checkpoint(manager: TenantManager, request: HttpRequest): Promise<void> {
  const { timeline } = timelineOf(manager, request);
  const uploaded = flag(request, "wait_until_uploaded", false);
  const flushed = timeline.flush();
  if (flag(request, "wait_until_flushed", true) || uploaded) await flushed;
  else flushed.catch((error: unknown) => timeline.log.error(`flush failed: ${String(error)}`));
  if (flag(request, "compact", true)) await compact(manager, request);
  if (uploaded) await timeline.remoteClient.waitCompletion();
  if (timeline.cancelled.aborted) throw new ApiError(503, "Shutting down");
}

async function compact(manager: TenantManager, request: HttpRequest): Promise<void> {
  const { tenant, timeline } = timelineOf(manager, request);
  const forceImage = flag(request, "force_image_layer_creation", false);
  const forceL0 = flag(request, "force_l0_compaction", false);
  try {
    await manager.maintenance.compact(tenant, timeline, { forceImage, forceL0 });
  } catch (error) {
    if (timeline.cancelled.aborted) throw new ApiError(503, "Shutting down");
    throw error;
  }
  if (flag(request, "wait_until_uploaded", false)) await timeline.remoteClient.waitCompletion();
}

import { Lsn, TenantShardId } from "../../../types";
import { ApiError, HttpReply, type HttpRequest, type HttpService, preconditionFailed } from "../../service";
import type { OffloadedTimeline } from "../remote/tenant-manifest";
import { countLogicalSize } from "../page-service/count-logical-size";
import { setArchival } from "../tenants/archive-timeline";
import { createTimeline, type CreateTimelineRequest } from "../tenants/create-timeline";
import { deleteTimeline } from "../tenants/delete-timeline";
import { detachAncestor } from "../tenants/detach-ancestor";
import { deleteOffloaded, offloadTimeline } from "../tenants/offload-timeline";
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
    return {
      timelines: [...tenant.timelines.values()].map((timeline) => info(tenant, timeline)),
      offloaded: [...tenant.offloaded.values()].map((offloaded) => offloadedInfo(tenant, offloaded)),
    };
  });
  http.route("GET", TIMELINE, (request) => getTimeline(manager, request));
  http.route("DELETE", TIMELINE, (request) => removeTimeline(manager, request));
  http.route("PUT", `${TIMELINE}/archival_config`, async (request) => {
    const { state } = await request.json<{ state?: unknown }>();
    await setArchival(tenantOf(manager, request), timelineIdOf(request), state);
  });
  http.route("PUT", `${TIMELINE}/offload`, async (request) => {
    if (tenantOf(manager, request).offloaded.has(timelineIdOf(request))) return;
    const { tenant, timeline } = timelineOf(manager, request);
    await offloadTimeline(tenant, timeline);
  });
  http.route("PUT", `${TIMELINE}/detach_ancestor`, async (request) => ({
    reparented_timelines: await detachAncestor(manager, tenantOf(manager, request), timelineIdOf(request)),
  }));
  http.route("PUT", `${TIMELINE}/checkpoint`, (request) => checkpoint(manager, request));
  http.route("PUT", `${TIMELINE}/compact`, (request) => compact(manager, request));
  http.route("GET", `${TIMELINE}/compact`, (request) => {
    timelineOf(manager, request);
    return [];
  });
}

function offloadedInfo(tenant: Tenant, offloaded: OffloadedTimeline): Record<string, unknown> {
  const { ancestorRetainLsn: lsn } = offloaded;
  return {
    tenant_id: tenant.key,
    timeline_id: offloaded.timelineId,
    ancestor_timeline_id: offloaded.ancestorTimelineId ?? null,
    ancestor_retain_lsn: lsn === undefined ? null : Lsn.format(lsn),
    archived_at: offloaded.archivedAt,
  };
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
  const timelineId = timelineIdOf(request);
  if (tenant.offloaded.has(timelineId)) await deleteOffloaded(tenant, timelineId);
  else await deleteTimeline(tenant, timelineId);
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

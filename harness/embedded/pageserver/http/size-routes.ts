import { badRequest, type HttpRequest, type HttpService } from "../../service";
import { evictForDiskUsage } from "../size/disk-usage-eviction";
import { syntheticSize } from "../size/synthetic-size";
import type { Tenant } from "../tenants/tenant";
import type { TenantManager } from "../tenants/tenant-manager";
import { tenantOf } from "./parameters";

/** How large tenants are, and what can be done about it. */
export function addSizeRoutes(http: HttpService, manager: TenantManager): void {
  http.route("GET", "/v1/tenant/:tenant_shard_id/synthetic_size", (request) =>
    syntheticSize(tenantOf(manager, request)),
  );
  http.route("PUT", "/v1/disk_usage_eviction/run", async (request) => {
    const { evict_bytes: bytes } = await request.json<{ evict_bytes?: unknown }>();
    if (typeof bytes !== "number") throw badRequest("Failed to parse json request: missing field `evict_bytes`");
    return evictForDiskUsage(manager, bytes);
  });
  http.route("POST", "/v1/top_tenants", (request) => topTenants(manager, request));
}

interface TopTenantsRequest {
  order_by: "max_logical_size" | "resident_size";
  limit: number;
  where_shards_lt?: number | null;
  where_gt?: number | null;
}

async function topTenants(manager: TenantManager, request: HttpRequest): Promise<unknown> {
  const { order_by: order, limit, where_shards_lt: below, where_gt: above } = await request.json<TopTenantsRequest>();
  const sizes = manager
    .all()
    .filter(({ isAttached, id }) => isAttached && id.shardCount < (below ?? Number.POSITIVE_INFINITY))
    .map(sizesOf)
    .filter((each) => each[order] > (above ?? -1));
  return { shards: sizes.toSorted((a, b) => b[order] - a[order]).slice(0, limit) };
}

function sizesOf(tenant: Tenant) {
  const timelines = [...tenant.timelines.values()];
  const add = (size: (timeline: (typeof timelines)[number]) => number): number =>
    timelines.reduce((sum, timeline) => sum + size(timeline), 0);
  return {
    id: tenant.key,
    resident_size: add(({ layers }) => layers.sizes().resident),
    physical_size: add(({ layers }) => layers.sizes().total),
    max_logical_size: Math.max(0, ...timelines.map(({ logicalSize }) => logicalSize.value)),
  };
}

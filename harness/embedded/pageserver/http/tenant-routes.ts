import { TenantShardId } from "../../../types";
import { badRequest, type HttpRequest, type HttpService, notFound } from "../../service";
import {
  DEFAULT_STRIPE_SIZE,
  LOCATION_MODES,
  type LocationConf,
  locationConfToJson,
  type LocationMode,
} from "../config/location-conf";
import { parseTenantConf } from "../config/tenant-conf";
import { scanRemoteStorage } from "../tenants/scan-remote-storage";
import { type SplitRequest, splitShard } from "../tenants/split-shard";
import type { Tenant } from "../tenants/tenant";
import type { TenantManager } from "../tenants/tenant-manager";
import { shardIdOf, tenantOf } from "./parameters";

/** Tenants: where they are, what state they are in. */
export function addTenantRoutes(http: HttpService, manager: TenantManager): void {
  http.route("GET", "/v1/tenant", () =>
    manager
      .all()
      .filter((tenant) => tenant.isAttached)
      .map((tenant) => tenantInfo(tenant, null)),
  );
  http.route("GET", "/v1/tenant/:tenant_shard_id", (request) => {
    const key = TenantShardId.format(shardIdOf(request));
    const tenant = manager.find(key);
    if (tenant?.isAttached !== true) throw notFound(`tenant ${key}`);
    const timelines = [...tenant.timelines.values()];
    const size = timelines.reduce((sum, timeline) => sum + timeline.layers.sizes().resident, 0);
    return {
      ...tenantInfo(tenant, size),
      walredo: { last_redo_at: null, process: null },
      timelines: timelines.map((timeline) => timeline.timelineId),
    };
  });
  http.route("DELETE", "/v1/tenant/:tenant_shard_id", (request) => manager.delete(shardIdOf(request)));
  http.route("PUT", "/v1/tenant/:tenant_shard_id/break", (request) =>
    tenantOf(manager, request).break("broken from test"),
  );
  http.route("PUT", "/v1/tenant/:tenant_shard_id/location_config", (request) => putLocation(manager, request));
  http.route("GET", "/v1/location_config", () => ({
    tenant_shards: manager.all().map((tenant) => [tenant.key, locationConfToJson(tenant.id, tenant.conf)]),
  }));
  http.route("GET", "/v1/location_config/:tenant_shard_id", (request) => {
    const key = TenantShardId.format(shardIdOf(request));
    const tenant = manager.find(key);
    if (tenant === undefined) throw notFound(`Tenant shard ${key} not found`);
    return locationConfToJson(tenant.id, tenant.conf);
  });
  http.route("PUT", "/v1/tenant/:tenant_shard_id/shard_split", async (request) => {
    const tenant = tenantOf(manager, request);
    const children = await splitShard(manager, tenant, await request.json<SplitRequest>());
    return { new_shards: children.map(TenantShardId.format) };
  });
  http.route("GET", "/v1/tenant/:tenant_shard_id/scan_remote_storage", (request) =>
    scanRemoteStorage(manager.node.remote, shardIdOf(request).tenantId),
  );
}

function tenantInfo(tenant: Tenant, size: number | null): Record<string, unknown> {
  const broken = tenant.state === "Broken";
  const blocking = [...tenant.timelines.values()].filter(({ gcBlocking }) => gcBlocking !== undefined);
  return {
    id: tenant.key,
    state: broken ? { slug: "Broken", data: { reason: tenant.brokenReason, backtrace: "" } } : { slug: tenant.state },
    current_physical_size: size,
    attachment_status: { slug: tenant.state === "Attaching" ? "maybe" : "attached" },
    generation: tenant.generation,
    ...(blocking.length === 0 ? {} : { gc_blocking: `${blocking.length} timelines block for EnumSet(Manual)` }),
  };
}

interface LocationBody {
  mode?: LocationMode;
  generation?: number | null;
  secondary_conf?: { warm?: boolean } | null;
  shard_stripe_size?: number;
  tenant_conf?: Record<string, unknown> | null;
}

async function putLocation(manager: TenantManager, request: HttpRequest): Promise<unknown> {
  const id = shardIdOf(request);
  const body = await request.json<LocationBody | null>();
  if (body === null) throw badRequest("Failed to parse json request: invalid type: null, expected a location config");
  const { mode } = body;
  if (mode === undefined || !LOCATION_MODES.includes(mode)) {
    throw badRequest(`Failed to parse json request: unknown variant \`${mode}\`, expected a location mode`);
  }
  if (mode === "Detached") {
    await manager.detach(id);
    return null;
  }
  // As in Neon, what was received is flushed before a change only if the caller gives time for it.
  const flush = request.query.get("flush_ms");
  const flushMs = flush === null ? {} : { flushMs: Number(flush) };
  await manager.setLocation(id, locationFrom(mode, body), { flush: flush !== null, ...flushMs });
  return {
    shards: [{ shard_id: TenantShardId.format(id), node_id: manager.node.config.id }],
    stripe_size: id.shardCount === 0 ? null : (body.shard_stripe_size ?? DEFAULT_STRIPE_SIZE),
  };
}

function locationFrom(mode: Exclude<LocationMode, "Detached">, body: LocationBody): LocationConf {
  const generation = mode === "Secondary" ? undefined : (body.generation ?? undefined);
  if (mode !== "Secondary" && generation === undefined) throw badRequest("Generation not set for attached location");
  return {
    mode,
    generation,
    secondaryWarm: body.secondary_conf?.warm ?? false,
    stripeSize: body.shard_stripe_size ?? DEFAULT_STRIPE_SIZE,
    tenantConf: tenantConfFrom(body.tenant_conf),
  };
}

function tenantConfFrom(raw: LocationBody["tenant_conf"]): ReturnType<typeof parseTenantConf> {
  if (raw === undefined) throw badRequest("Failed to parse json request: missing field `tenant_conf`");
  if (raw === null) throw badRequest("Failed to parse json request: invalid type: null, expected struct TenantConfig");
  try {
    return parseTenantConf(raw);
  } catch (error) {
    throw badRequest(`Failed to parse json request: ${(error as Error).message}`);
  }
}

import { ApiError, badRequest, conflict, HttpReply, type HttpRequest, type HttpService, notFound } from "../service";
import { type TenantId, TenantShardId } from "../../types";
import type { Controller } from "./controller";
import {
  fullTenantConfig,
  type LocationMode,
  newShardRecord,
  type PlacementPolicy,
  setKeys,
  shardText,
  type TenantConfig,
} from "./model";
import { parseTenantConf } from "../pageserver/config/tenant-conf";
import { schedule } from "./scheduler";
import { parseTenantId, type Shard } from "./shards";

interface TenantCreateRequest {
  new_tenant_id: string;
  shard_parameters?: { count?: number; stripe_size?: number };
  placement_policy?: PlacementPolicy | null;
  generation?: number | null;
}

/** On the wire the tenant's settings stand beside the other fields, as Neon's TenantCreateRequest flattens them. */
type TenantCreateBody = TenantCreateRequest & TenantConfig;

const REQUEST_FIELDS = new Set(["new_tenant_id", "shard_parameters", "placement_policy", "generation"]);

function settingsOf(body: TenantCreateBody): TenantConfig {
  const settings = Object.entries(body).filter(([key]) => !REQUEST_FIELDS.has(key));
  return checkedConfig(Object.fromEntries(settings));
}

interface LocationRequest {
  mode: LocationMode;
  generation?: number | null;
  tenant_conf?: TenantConfig;
}

/** The settings as Neon writes them; null, which takes one away, stays. */
function checkedConfig(config: TenantConfig): TenantConfig {
  try {
    return { ...config, ...parseTenantConf(config) };
  } catch (error) {
    throw badRequest(`Failed to parse json request: ${(error as Error).message}`);
  }
}

function isKnown(controller: Controller, tenantId: TenantId): boolean {
  return controller.shards.all().some(({ record }) => record.tenant_id === tenantId);
}

/** Adds the shards, scheduled but not yet attached. Adds none of them if one does not fit anywhere. */
function addShards(controller: Controller, tenantId: TenantId, request: TenantCreateBody): Shard[] {
  const { count = 0, stripe_size } = request.shard_parameters ?? {};
  const added: Shard[] = [];
  try {
    for (let shardNumber = 0; shardNumber < Math.max(count, 1); shardNumber++) {
      const record = newShardRecord({ tenantId, shardNumber, shardCount: count });
      record.shard_stripe_size = stripe_size ?? record.shard_stripe_size;
      record.generation = request.generation ?? 0;
      record.placement_policy = request.placement_policy ?? record.placement_policy;
      record.config = setKeys(settingsOf(request));
      schedule(record, controller.nodes, controller.shards);
      added.push(controller.shards.add(record));
    }
  } catch (error) {
    for (const shard of added) controller.shards.remove(shard);
    throw error;
  }
  return added;
}

/** Neon's answer to a creation holds the generations before the attachment: 0 the first time, 1 when it is repeated. */
async function createTenant(controller: Controller, request: TenantCreateBody): Promise<HttpReply> {
  const tenantId = parseTenantId(request.new_tenant_id);
  const exists = isKnown(controller, tenantId);
  const shards = exists ? controller.shards.ofTenant(tenantId) : addShards(controller, tenantId, request);
  if (exists && shards[0]?.record.shard_count !== (request.shard_parameters?.count ?? 0)) {
    throw conflict("Tenant already exists with a different number of shards");
  }
  const answer = shards.map(({ record }) => ({
    shard_id: shardText(record),
    node_id: record.attached ?? record.secondary[0],
    generation: record.generation,
  }));
  await controller.apply(shards);
  return new HttpReply(201, { shards: answer });
}

async function deleteShard(controller: Controller, shard: Shard): Promise<void> {
  const { record } = shard;
  // Only an attached shard can delete what it has in remote storage.
  record.placement_policy = { Attached: 0 };
  schedule(record, controller.nodes, controller.shards);
  await controller.apply([shard]);
  const node = record.attached === null ? undefined : controller.nodes.get(record.attached).record;
  if (node === undefined) return;
  try {
    await controller.api.require(node, { method: "DELETE", path: `/v1/tenant/${shardText(record)}` });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
  controller.shards.remove(shard);
}

async function deleteTenant(controller: Controller, tenant: string | undefined): Promise<void> {
  const tenantId = parseTenantId(tenant);
  const shards = controller.shards.ofTenant(tenantId);
  await Promise.all(shards.map((shard) => deleteShard(controller, shard)));
  await controller.store.save();
  // What was split left objects of its parents.
  const node = controller.nodes.all().find(({ availability }) => availability === "Active");
  if (node === undefined || shards[0].record.shard_count === 0) return;
  await controller.api.require(node.record, { method: "DELETE", path: `/v1/tenant/${tenantId}` });
}

/** PUT replaces the configuration; PATCH changes the keys given, null unsets one. */
async function configureTenant(controller: Controller, method: string, body: TenantConfig): Promise<void> {
  const { tenant_id, ...config } = body;
  const shards = controller.shards.ofTenant(parseTenantId(tenant_id));
  const checked = checkedConfig(config);
  for (const { record } of shards)
    record.config = setKeys(method === "PUT" ? checked : { ...record.config, ...checked });
  await controller.apply(shards);
}

function policyFor(mode: LocationMode): PlacementPolicy {
  if (mode === "Detached" || mode === "Secondary") return mode;
  return { Attached: 0 };
}

/** The control plane's way to create, attach, detach and configure a tenant in one call. */
async function locationConfig(controller: Controller, tenant: string | undefined, request: LocationRequest) {
  const tenantId = parseTenantId(tenant);
  const placement_policy = policyFor(request.mode);
  if (!isKnown(controller, tenantId)) {
    const { generation, tenant_conf: config = {} } = request;
    addShards(controller, tenantId, {
      new_tenant_id: tenantId,
      placement_policy,
      generation: generation ?? 0,
      ...config,
    });
  }
  const shards = controller.shards.ofTenant(tenantId);
  for (const { record } of shards) {
    record.placement_policy = placement_policy;
    // One that was attached elsewhere before goes on from there; here, generations are the controller's own.
    if (record.generation_pageserver === null) record.generation = Math.max(record.generation, request.generation ?? 0);
    if (request.tenant_conf !== undefined) record.config = setKeys(checkedConfig(request.tenant_conf));
    schedule(record, controller.nodes, controller.shards);
  }
  await controller.apply(shards);
  return {
    // One that is detached is nowhere.
    shards: shards.flatMap(({ record }) => {
      const node = record.attached ?? record.secondary[0];
      return node === undefined ? [] : [{ shard_id: shardText(record), node_id: node }];
    }),
    stripe_size: shards[0].record.shard_count > 1 ? shards[0].record.shard_stripe_size : null,
  };
}

interface ScannedShard {
  tenant_shard_id: string;
  generation: number | null;
}

/** Takes over a tenant of which nothing is known, but what remote storage has of it. */
async function importTenant(controller: Controller, tenant: string | undefined): Promise<HttpReply> {
  const tenantId = parseTenantId(tenant);
  const node = controller.nodes.all().find(({ availability }) => availability === "Active");
  if (node === undefined) throw badRequest("No nodes available");
  const path = `/v1/tenant/${tenantId}/scan_remote_storage`;
  const { shards } = (await controller.api.require(node.record, { method: "GET", path })) as { shards: ScannedShard[] };
  const found = shards.map(({ tenant_shard_id, generation }) => ({
    id: TenantShardId.parse(tenant_shard_id),
    generation,
  }));
  if (found.length === 0) throw notFound(`No shards of tenant ${tenantId} in remote storage`);
  // After a split there may be leftovers of the parents.
  const count = Math.max(...found.map(({ id }) => id.shardCount));
  const newest = found.filter(({ id }) => id.shardCount === count).map(({ generation }) => generation ?? 0);
  return createTenant(controller, {
    ...{ new_tenant_id: tenantId, shard_parameters: { count }, generation: Math.max(...newest) },
    placement_policy: { Attached: 0 },
  });
}

/** Each shard's copies download what the heatmap names. */
async function downloadSecondaries(controller: Controller, request: HttpRequest): Promise<HttpReply> {
  const shards = controller.shards.ofTenant(parseTenantId(request.params["tenant_id"]));
  const query = request.query.size === 0 ? "" : `?${request.query}`;
  const calls = shards.flatMap(({ record }) =>
    record.secondary.map((nodeId) => {
      const path = `/v1/tenant/${shardText(record)}/secondary/download${query}`;
      return controller.api.call(controller.nodes.get(nodeId).record, { method: "POST", path });
    }),
  );
  const replies = await Promise.all(calls);
  const unfinished = replies.find((reply) => reply.status !== 200);
  const reply = unfinished ?? replies[0];
  return reply === undefined ? new HttpReply(200, {}) : new HttpReply(reply.status, reply.body);
}

function describeConfig(controller: Controller, tenant: string | undefined) {
  const [{ record }] = controller.shards.ofTenant(parseTenantId(tenant));
  const config = Object.fromEntries(
    Object.entries(fullTenantConfig(record.config)).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
  return { effective_config: config, tenant_specific_overrides: config };
}

/** `/v1/tenant…`: the tenants of the "virtual pageserver". */
export function addTenantApi(http: HttpService, controller: Controller): void {
  http.route("POST", "/v1/tenant", async (request) => createTenant(controller, await request.json<TenantCreateBody>()));
  http.route("DELETE", "/v1/tenant/:tenant_id", ({ params }) => deleteTenant(controller, params["tenant_id"]));
  http.route("POST", "/debug/v1/tenant/:tenant_id/import", ({ params }) =>
    importTenant(controller, params["tenant_id"]),
  );
  http.route("POST", "/v1/tenant/:tenant_id/secondary/download", (request) => downloadSecondaries(controller, request));
  for (const method of ["PUT", "PATCH"] as const) {
    http.route(method, "/v1/tenant/config", async (request) =>
      configureTenant(controller, method, await request.json<TenantConfig>()),
    );
  }
  http.route("GET", "/v1/tenant/:tenant_id/config", ({ params }) => describeConfig(controller, params["tenant_id"]));
  http.route("PUT", "/v1/tenant/:tenant_id/location_config", async (request) =>
    locationConfig(controller, request.params["tenant_id"], await request.json<LocationRequest>()),
  );
}

import { badRequest, conflict, type HttpService, preconditionFailed } from "../service";
import { TenantShardId } from "../../types";
import type { Controller } from "./controller";
import { type NodeScheduling, type PlacementPolicy, type SchedulingPolicy, shardText } from "./model";
import { type Availability, describeNode, type RegisterRequest } from "./nodes";
import { schedule } from "./scheduler";
import { describeTenant, parseShardId, parseTenantId, type Shard, tenantNotFound } from "./shards";

interface NodeConfigureRequest {
  availability?: Availability | { Active: unknown } | null;
  scheduling?: NodeScheduling | null;
}

interface PolicyRequest {
  placement?: PlacementPolicy | null;
  scheduling?: SchedulingPolicy | null;
}

function nodeIdOf(params: Record<string, string>): number {
  const id = Number(params["node_id"]);
  if (!Number.isSafeInteger(id)) throw badRequest("failed to parse node_id");
  return id;
}

async function configureNode(controller: Controller, nodeId: number, request: NodeConfigureRequest): Promise<void> {
  const node = controller.nodes.get(nodeId);
  const { availability, scheduling } = request;
  if (scheduling) controller.nodes.setScheduling(node, scheduling);
  if (availability) controller.nodes.setAvailability(node, typeof availability === "string" ? availability : "Active");
  await controller.store.save();
}

async function deleteNode(controller: Controller, nodeId: number): Promise<void> {
  controller.nodes.get(nodeId);
  const held = controller.shards.all().find(({ record }) => record.attached === nodeId);
  if (held !== undefined) throw conflict(`Node ${nodeId} still has ${shardText(held.record)}`);
  for (const { record, observed } of controller.shards.all()) {
    record.secondary = record.secondary.filter((id) => id !== nodeId);
    if (record.generation_pageserver === nodeId) record.generation_pageserver = null;
    observed.delete(nodeId);
  }
  controller.heartbeats.forget(nodeId);
  controller.nodes.remove(nodeId);
  await controller.store.save();
}

function nodeShards(controller: Controller, nodeId: number) {
  controller.nodes.get(nodeId);
  const here = controller.shards.all().filter(({ record, observed }) => {
    return record.attached === nodeId || record.secondary.includes(nodeId) || observed.has(nodeId);
  });
  return {
    node_id: nodeId,
    shards: here.map(({ record, observed }) => ({
      tenant_shard_id: shardText(record),
      is_observed_secondary: observed.get(nodeId)?.mode === "Secondary",
      is_intended_secondary: record.secondary.includes(nodeId),
    })),
  };
}

function listTenants(controller: Controller) {
  const tenants = new Map<string, [Shard, ...Shard[]]>();
  for (const shard of controller.shards.all()) {
    const siblings = tenants.get(shard.record.tenant_id);
    if (siblings === undefined) tenants.set(shard.record.tenant_id, [shard]);
    else siblings.push(shard);
  }
  return [...tenants.values()].map(describeTenant);
}

async function setPolicy(controller: Controller, tenant: string | undefined, request: PolicyRequest): Promise<void> {
  const shards = controller.shards.ofTenant(parseTenantId(tenant));
  for (const { record } of shards) {
    if (request.scheduling) record.scheduling_policy = request.scheduling;
    if (!request.placement) continue;
    record.placement_policy = request.placement;
    schedule(record, controller.nodes, controller.shards);
  }
  await controller.apply(shards);
}

/** Detaches the shard where it is and attaches it, in a new generation, on the other node. */
async function migrate(controller: Controller, shardId: string, nodeId: number) {
  const shard = controller.shards.find(shardId);
  if (shard === undefined) throw tenantNotFound(shardId);
  const { record } = shard;
  if (record.attached === nodeId) return {};
  const node = controller.nodes.get(nodeId);
  if (node.availability !== "Active") throw preconditionFailed(`Node ${nodeId} is not active`);
  const origin = record.attached;
  // A warm copy at the destination changes places with the attachment.
  record.secondary = record.secondary.map((id) => (id === nodeId && origin !== null ? origin : id));
  record.attached = nodeId;
  await controller.apply([shard]);
  return {};
}

function addNodeApi(http: HttpService, controller: Controller): void {
  const { nodes, store, heartbeats } = controller;
  http.route("POST", "/control/v1/node", async (request) => {
    const body = await request.json<RegisterRequest>();
    const isNew = nodes.find(body.node_id) === undefined;
    const node = nodes.register(body);
    await store.save();
    if (isNew) void heartbeats.watch(node);
  });
  http.route("GET", "/control/v1/node", () => nodes.all().map(describeNode));
  http.route("GET", "/control/v1/node/:node_id", ({ params }) => describeNode(nodes.get(nodeIdOf(params))));
  http.route("DELETE", "/control/v1/node/:node_id", ({ params }) => deleteNode(controller, nodeIdOf(params)));
  http.route("POST", "/debug/v1/node/:node_id/drop", ({ params }) => deleteNode(controller, nodeIdOf(params)));
  http.route("GET", "/control/v1/node/:node_id/shards", ({ params }) => nodeShards(controller, nodeIdOf(params)));
  http.route("PUT", "/control/v1/node/:node_id/config", async (request) =>
    configureNode(controller, nodeIdOf(request.params), await request.json<NodeConfigureRequest>()),
  );
}

/** `/control/v1`: nodes, tenants and where they are. */
export function addControlApi(http: HttpService, controller: Controller): void {
  addNodeApi(http, controller);
  const { shards } = controller;
  http.route("GET", "/control/v1/leader", () => ({
    address: controller.options.addressForPeers,
    started_at: controller.startedAt.toISOString(),
  }));
  http.route("GET", "/control/v1/tenant", () => listTenants(controller));
  http.route("GET", "/control/v1/tenant/:tenant_id", ({ params }) =>
    describeTenant(shards.ofTenant(parseTenantId(params["tenant_id"]))),
  );
  http.route("PUT", "/control/v1/tenant/:tenant_id/policy", async (request) =>
    setPolicy(controller, request.params["tenant_id"], await request.json<PolicyRequest>()),
  );
  http.route("PUT", "/control/v1/tenant/:tenant_shard_id/migrate", async (request) => {
    const { node_id } = await request.json<{ node_id: number }>();
    return migrate(controller, TenantShardId.format(parseShardId(request.params["tenant_shard_id"])), node_id);
  });
}

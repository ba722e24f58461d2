import { badRequest, conflict, HttpReply, type HttpService, preconditionFailed } from "../service";
import { TenantShardId } from "../../types";
import type { Controller } from "./controller";
import { type NodeScheduling, type PlacementPolicy, type SchedulingPolicy, shardText } from "./model";
import { type Availability, describeNode, type RegisterRequest } from "./nodes";
import { observedState } from "./leadership";
import { moveAttachment, schedule } from "./scheduler";
import { splitTenant, type SplitTenantRequest } from "./split-tenant";
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
  await controller.store.save();
  if (!availability) return;
  const next = typeof availability === "string" ? availability : "Active";
  if (next === "Offline") await controller.heartbeats.declareOffline(node);
  else controller.nodes.setAvailability(node, next);
}

/** Forgets the node; the shards that were on it, or were to be. */
async function dropNode(controller: Controller, nodeId: number): Promise<Shard[]> {
  const { nodes, shards, heartbeats, store } = controller;
  nodes.get(nodeId);
  const affected = shards.all().filter(({ record, observed }) => {
    const { attached, secondary, generation_pageserver: owner } = record;
    return attached === nodeId || owner === nodeId || secondary.includes(nodeId) || observed.has(nodeId);
  });
  for (const { record, observed } of affected) {
    if (record.attached === nodeId) record.attached = null;
    if (record.generation_pageserver === nodeId) record.generation_pageserver = null;
    record.secondary = record.secondary.filter((id) => id !== nodeId);
    observed.delete(nodeId);
  }
  heartbeats.forget(nodeId);
  nodes.remove(nodeId);
  await store.save();
  return affected;
}

/** Forgets the node, and gives what it had to others. */
async function deleteNode(controller: Controller, nodeId: number): Promise<void> {
  for (const shard of await dropNode(controller, nodeId)) {
    shard.sequence += 1;
    void controller.bringUpToDate(shard);
  }
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
  await controller.store.save();
  // The policy holds, whether or not the pageservers can be told now.
  const active = shards.filter(({ record }) => !["Stop", "Pause"].includes(record.scheduling_policy));
  await Promise.all(active.map((shard) => controller.bringUpToDate(shard)));
}

function shardOf(controller: Controller, text: string | undefined): Shard {
  const shardId = TenantShardId.format(parseShardId(text));
  const shard = controller.shards.find(shardId);
  if (shard === undefined) throw tenantNotFound(shardId);
  return shard;
}

/** Moves the attachment to another node; resolves when it serves there. */
async function migrate(controller: Controller, shard: Shard, nodeId: number) {
  if (shard.record.attached === nodeId) return {};
  const node = controller.nodes.get(nodeId);
  if (node.availability !== "Active") throw preconditionFailed(`Node ${nodeId} is not active`);
  moveAttachment(shard.record, nodeId);
  shard.sequence += 1;
  await controller.apply([shard]);
  return {};
}

/** Puts a warm copy on another node, in place of the one that the shard has. */
async function migrateSecondary(controller: Controller, shard: Shard, nodeId: number) {
  controller.nodes.get(nodeId);
  if (shard.record.attached === nodeId) throw conflict(`Node ${nodeId} has the shard attached`);
  shard.record.secondary = [nodeId];
  await controller.apply([shard]);
  return {};
}

async function setPreferredZones(controller: Controller, body: Record<string, string | null>, length: string) {
  const shards = Object.entries(body).map(([text, zone]) => {
    try {
      return { id: TenantShardId.format(TenantShardId.parse(text)), zone };
    } catch {
      // serde notices it at the end of the body.
      throw badRequest(`Failed to parse json request: Invalid string length at line 1 column ${length}`);
    }
  });
  const updated = shards.filter(({ id, zone }) => {
    const shard = controller.shards.find(id);
    if (shard === undefined || shard.record.preferred_az_id === zone) return false;
    shard.record.preferred_az_id = zone;
    controller.movesHome.add(shard);
    return true;
  });
  await controller.store.save();
  return { updated: updated.map(({ id }) => id) };
}

function addNodeApi(http: HttpService, controller: Controller): void {
  const { nodes, store, heartbeats, operations } = controller;
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
  http.route("POST", "/debug/v1/node/:node_id/drop", async ({ params }) => {
    await dropNode(controller, nodeIdOf(params));
  });
  http.route("GET", "/control/v1/node/:node_id/shards", ({ params }) => nodeShards(controller, nodeIdOf(params)));
  for (const kind of ["drain", "fill"] as const) {
    const path = `/control/v1/node/:node_id/${kind}`;
    http.route("PUT", path, async ({ params }) => {
      const nodeId = nodeIdOf(params);
      await (kind === "drain" ? operations.startDrain(nodeId) : operations.startFill(nodeId));
      return new HttpReply(202, null);
    });
    http.route("DELETE", path, ({ params }) => {
      operations.cancel(kind, nodeIdOf(params));
      return new HttpReply(202, null);
    });
  }
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
  for (const [name, move] of [["migrate", migrate] as const, ["migrate_secondary", migrateSecondary] as const]) {
    http.route("PUT", `/control/v1/tenant/:tenant_shard_id/${name}`, async (request) => {
      const { node_id } = await request.json<{ node_id: number }>();
      return move(controller, shardOf(controller, request.params["tenant_shard_id"]), node_id);
    });
  }
  // Reconciles are short here: there is nothing to cancel.
  http.route("PUT", "/control/v1/tenant/:tenant_shard_id/cancel_reconcile", ({ params }) => {
    shardOf(controller, params["tenant_shard_id"]);
  });
  http.route("PUT", "/control/v1/tenant/:tenant_id/shard_split", async (request) =>
    splitTenant(controller, request.params["tenant_id"], await request.json<SplitTenantRequest>()),
  );
  http.route("PUT", "/control/v1/preferred_azs", async (request) =>
    setPreferredZones(
      controller,
      await request.json<Record<string, string | null>>(),
      request.headers["content-length"] ?? "0",
    ),
  );
  http.route("PUT", "/control/v1/step_down", async () => {
    const observed = observedState(controller);
    await controller.stepDown();
    return observed;
  });
}

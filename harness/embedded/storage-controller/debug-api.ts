import { type HttpService, internal, notFound, putFailpoints } from "../service";
import { TenantShardId } from "../../types";
import type { Controller } from "./controller";
import { newShardRecord, shardText } from "./model";
import { location } from "./reconciler";
import { dumpShard, parseShardId, parseTenantId } from "./shards";

interface AttachHookRequest {
  tenant_shard_id: string;
  node_id: number | null;
  generation_override?: number | null;
}

/** Hands out a generation and leaves it to the caller to tell the pageserver. */
async function attachHook(controller: Controller, request: AttachHookRequest) {
  const id = parseShardId(request.tenant_shard_id);
  const shard = controller.shards.find(TenantShardId.format(id)) ?? controller.shards.add(newShardRecord(id));
  const { record } = shard;
  if (request.node_id === null) {
    record.placement_policy = "Detached";
    shard.observed.clear();
  } else {
    controller.nodes.get(request.node_id);
    record.generation = request.generation_override ?? record.generation + 1;
    record.placement_policy = { Attached: 0 };
  }
  record.attached = request.node_id;
  record.generation_pageserver = request.node_id;
  shard.sequence += 1;
  if (request.node_id !== null) shard.observed.set(request.node_id, location(record, "AttachedSingle"));
  await controller.store.save();
  return { gen: request.node_id === null ? null : record.generation };
}

function inspect(controller: Controller, shardId: string) {
  const record = controller.shards.find(shardId)?.record;
  const attached = record !== undefined && record.generation_pageserver !== null;
  return { attachment: attached ? [record.generation, record.generation_pageserver] : null };
}

/** Where each shard of the tenant is attached and how to reach it. */
function locate(controller: Controller, tenant: string | undefined) {
  const shards = controller.shards.ofTenant(parseTenantId(tenant));
  const { record } = shards[0];
  return {
    shards: shards.map((shard) => {
      if (shard.record.attached === null) throw notFound(`Tenant shard ${shardText(shard.record)} is not attached`);
      const { listen_http_addr, listen_http_port, listen_pg_addr, listen_pg_port } = controller.nodes.get(
        shard.record.attached,
      ).record;
      return {
        shard_id: shardText(shard.record),
        node_id: shard.record.attached,
        listen_pg_addr,
        listen_pg_port,
        listen_http_addr,
        listen_http_port,
      };
    }),
    shard_params: { count: record.shard_count, stripe_size: record.shard_stripe_size },
  };
}

/** How the scheduler sees the nodes. */
function dumpScheduler(controller: Controller) {
  const records = controller.shards.all().map(({ record }) => record);
  const nodes = controller.nodes.all().map((node) => {
    const { id, scheduling, availability_zone_id: az } = node.record;
    const attached = records.filter((record) => record.attached === id);
    const secondary = records.filter((record) => record.secondary.includes(id));
    const maySchedule = node.availability === "Active" && scheduling === "Active";
    const facts = {
      shard_count: attached.length + secondary.length,
      attached_shard_count: attached.length,
      home_shard_count: attached.filter((record) => record.preferred_az_id === az).length,
      az,
      may_schedule: maySchedule ? { Yes: node.utilization } : "No",
    };
    return [String(id), facts] as const;
  });
  return { nodes: Object.fromEntries(nodes) };
}

async function dropTenant(controller: Controller, tenant: string | undefined): Promise<void> {
  const shards = controller.shards.ofTenant(parseTenantId(tenant));
  for (const shard of shards) controller.shards.remove(shard);
  await controller.store.save();
}

async function checkConsistency(controller: Controller): Promise<void> {
  for (const { record } of controller.shards.all()) {
    const node = record.attached ?? record.generation_pageserver;
    if (node !== null && controller.nodes.find(node) === undefined) {
      throw internal(`shard ${shardText(record)} is attached to unknown node ${node}`);
    }
  }
  if (!(await controller.store.isConsistent())) throw internal("the stored state differs from the one in memory");
}

/** `/debug/v1`: for tests. */
export function addDebugApi(http: HttpService, controller: Controller): void {
  http.route("POST", "/debug/v1/attach-hook", async (request) =>
    attachHook(controller, await request.json<AttachHookRequest>()),
  );
  http.route("POST", "/debug/v1/inspect", async (request) => {
    const { tenant_shard_id } = await request.json<{ tenant_shard_id: string }>();
    return inspect(controller, TenantShardId.format(parseShardId(tenant_shard_id)));
  });
  http.route("PUT", "/debug/v1/failpoints", putFailpoints);
  http.route("GET", "/debug/v1/scheduler", () => dumpScheduler(controller));
  http.route("GET", "/debug/v1/tenant", () => controller.shards.all().map(dumpShard));
  http.route("GET", "/debug/v1/tenant/:tenant_id/locate", ({ params }) => locate(controller, params["tenant_id"]));
  http.route("POST", "/debug/v1/tenant/:tenant_id/drop", ({ params }) => dropTenant(controller, params["tenant_id"]));
  http.route("POST", "/debug/v1/consistency_check", () => checkConsistency(controller));
  http.route("POST", "/debug/v1/reconcile_all", () => controller.reconcileAll());
}

import { expect, test } from "vitest";
import { TenantId, TenantShardId, TimelineId } from "../../types";
import { failureOf, TestServer } from "../testing/node-server";
import { StorageControllerClient } from "./client";

const T = TenantId.parse("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
const TL = TimelineId.parse("22222222222222222222222222222222");
const SHARD = TenantShardId.parse(`${T}-0102`);
const NODE = {
  node_id: 1,
  listen_pg_addr: "x",
  listen_pg_port: 1,
  listen_http_addr: "x",
  listen_http_port: 2,
  availability_zone_id: "us-east-2a",
};
const SAFEKEEPER = {
  id: 7,
  region_id: "r",
  version: 1,
  host: "h",
  port: 6401,
  http_port: 7676,
  availability_zone_id: "a",
};

type Row = [line: string, call: (client: StorageControllerClient) => Promise<unknown>, body?: unknown];

const ROUTES: Row[] = [
  ["GET /ready", (c) => c.ready()],
  ["GET /status", (c) => c.status()],
  ["GET /control/v1/leader", (c) => c.leader()],
  ["PUT /control/v1/step_down", (c) => c.stepDown()],
  ["GET /control/v1/node", (c) => c.listNodes()],
  ["GET /control/v1/node/77", (c) => c.node(77)],
  ["GET /control/v1/node/1/shards", (c) => c.nodeShards(1)],
  ["POST /control/v1/node", (c) => c.registerNode(NODE), NODE],
  [
    "PUT /control/v1/node/2/config",
    (c) => c.configureNode(2, { scheduling: "Pause" }),
    { node_id: 2, scheduling: "Pause" },
  ],
  ["DELETE /control/v1/node/2", (c) => c.deleteNode(2)],
  ["POST /debug/v1/node/2/drop", (c) => c.dropNode(2)],
  ["PUT /control/v1/node/1/drain", (c) => c.drainNode(1)],
  ["DELETE /control/v1/node/1/drain", (c) => c.cancelDrain(1)],
  ["PUT /control/v1/node/1/fill", (c) => c.fillNode(1)],
  ["DELETE /control/v1/node/1/fill", (c) => c.cancelFill(1)],
  ["GET /control/v1/safekeeper", (c) => c.listSafekeepers()],
  ["GET /control/v1/safekeeper/7", (c) => c.safekeeper(7)],
  ["POST /control/v1/safekeeper/7", (c) => c.upsertSafekeeper(SAFEKEEPER), SAFEKEEPER],
  [
    "POST /control/v1/safekeeper/7/scheduling_policy",
    (c) => c.setSafekeeperPolicy(7, "Decomissioned"),
    { scheduling_policy: "Decomissioned" },
  ],
  ["GET /control/v1/tenant", (c) => c.listTenants()],
  [`GET /control/v1/tenant/${T}`, (c) => c.describeTenant(T)],
  [`GET /debug/v1/tenant/${T}/locate`, (c) => c.locate(T)],
  [
    `PUT /control/v1/tenant/${T}/policy`,
    (c) => c.setTenantPolicy(T, { placement: "Detached" }),
    { placement: "Detached" },
  ],
  [
    `PUT /control/v1/tenant/${T}-0102/migrate`,
    (c) => c.migrateShard(SHARD, 2),
    { tenant_shard_id: `${T}-0102`, node_id: 2 },
  ],
  [
    `PUT /control/v1/tenant/${T}-0102/migrate_secondary`,
    (c) => c.migrateSecondary(SHARD, 2),
    { tenant_shard_id: `${T}-0102`, node_id: 2 },
  ],
  [`PUT /control/v1/tenant/${T}-0102/cancel_reconcile`, (c) => c.cancelReconcile(SHARD)],
  ["PUT /control/v1/preferred_azs", (c) => c.setPreferredAzs({ [T]: "us-east-2a" }), { [T]: "us-east-2a" }],
  [
    "POST /control/v1/metadata_health/update",
    (c) => c.updateMetadataHealth({ healthy: [T] }),
    { healthy_tenant_shards: [T], unhealthy_tenant_shards: [] },
  ],
  ["GET /control/v1/metadata_health/unhealthy", (c) => c.unhealthyShards()],
  ["POST /control/v1/metadata_health/outdated", (c) => c.outdatedShards("1ns"), { not_scrubbed_for: "1ns" }],
  ["GET /debug/v1/tenant", (c) => c.dumpShards()],
  ["GET /debug/v1/scheduler", (c) => c.dumpScheduler()],
  ["POST /debug/v1/consistency_check", (c) => c.checkConsistency()],
  ["POST /debug/v1/reconcile_all", (c) => c.reconcileAll()],
  [`POST /debug/v1/tenant/${T}/import`, (c) => c.importTenant(T)],
  [`POST /debug/v1/tenant/${T}/drop`, (c) => c.dropTenant(T)],
  ["POST /upcall/v1/re-attach", (c) => c.reAttach(77), { node_id: 77 }],
  ["POST /upcall/v1/validate", (c) => c.validate([{ id: T, gen: 1 }]), { tenants: [{ id: T, gen: 1 }] }],
  [`DELETE /v1/tenant/${T}`, (c) => c.deleteTenant(T)],
  [`DELETE /v1/tenant/${T}/timeline/${TL}`, (c) => c.deleteTimeline(T, TL)],
  ["PATCH /v1/tenant/config", (c) => c.patchTenantConfig(T, { gc_period: null }), { tenant_id: T, gc_period: null }],
  ["PUT /v1/tenant/config", (c) => c.setTenantConfig(T, { bogus: 1 }), { tenant_id: T, bogus: 1 }],
];

test.each(ROUTES)("%s", async (line, call, body) => {
  await using server = await TestServer.listen(() => ({ body: {} }));
  await call(new StorageControllerClient("storage_controller", server.url));
  expect(server.lines).toEqual([line]);
  const sent = server.requests[0]?.body ?? "";
  expect(sent === "" ? undefined : JSON.parse(sent)).toEqual(body);
});

test("a new tenant's settings stand beside its other fields", async () => {
  const shards = [{ shard_id: `${T}-0002`, node_id: 2, generation: 0 }];
  await using server = await TestServer.listen(() => ({ status: 201, body: { shards } }));
  const client = new StorageControllerClient("storage_controller", server.url);
  const tenant = {
    tenantId: T,
    shardCount: 2,
    shardStripeSize: 8,
    placementPolicy: { Attached: 1 },
    config: { gc_period: "0s" },
  };
  expect(await client.createTenant(tenant)).toEqual({ shards });
  expect(JSON.parse(server.requests[0]?.body ?? "")).toEqual({
    new_tenant_id: T,
    shard_parameters: { count: 2, stripe_size: 8 },
    placement_policy: { Attached: 1 },
    gc_period: "0s",
  });
});

// Answers as a real controller gave them.
test.each<[string, unknown, (client: StorageControllerClient) => Promise<unknown>, unknown]>([
  [
    "a split",
    { new_shards: [`${T}-0004`, `${T}-0204`] },
    (c) => c.splitShards(T, { shardCount: 4 }),
    [
      { tenantId: T, shardNumber: 0, shardCount: 4 },
      { tenantId: T, shardNumber: 2, shardCount: 4 },
    ],
  ],
  ["an attachment", { attachment: [3, 1] }, (c) => c.inspect(SHARD), { generation: 3, nodeId: 1 }],
  ["no attachment", { attachment: null }, (c) => c.inspect(SHARD), undefined],
  ["a generation", { gen: 2 }, (c) => c.attachHook(SHARD, 1), 2],
  ["no generation", { gen: null }, (c) => c.attachHook(SHARD, null), null],
  ["reconciliations", 0, (c) => c.reconcileAll(), 0],
  ["validation", { tenants: [{ id: T, valid: false }] }, (c) => c.validate([]), [{ id: T, valid: false }]],
  ["health", { unhealthy_tenant_shards: [] }, (c) => c.unhealthyShards(), []],
  ["a policy's 204", "", (c) => c.setSafekeeperPolicy(7, "Pause"), undefined],
])("%s comes out of its answer", async (_, body, call, value) => {
  await using server = await TestServer.listen(() => ({ body }));
  expect(await call(new StorageControllerClient("storage_controller", server.url))).toEqual(value);
});

test.each([
  [409, "Conflict: Node is already registered with different address"],
  [412, "Precondition failed: Node 2 has no fill in progress"],
  [503, "One or more shards in tenant is not yet attached"],
])("%i keeps its reason", async (status, msg) => {
  await using server = await TestServer.listen(() => ({ status, body: { msg } }));
  const error = await failureOf(new StorageControllerClient("storage_controller", server.url).cancelFill(2));
  expect(error).toMatchObject({ status, reason: msg });
});

test("both of its faces send the token", async () => {
  await using server = await TestServer.listen(() => ({ body: {} }));
  const client = new StorageControllerClient("storage_controller", server.url, { authToken: "a.b.c" });
  await client.listNodes();
  await client.asPageserver.tenant(T);
  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer a.b.c", "Bearer a.b.c"]);
});

import { afterEach, describe, expect, test, vi } from "vitest";
import { TenantId, TimelineId } from "../../types";
import { TestClusters } from "./cluster.test-data";

const clusters = new TestClusters();
const cluster = clusters.cluster.bind(clusters);
const controller = clusters.controller.bind(clusters);
const pageserver = clusters.pageserver.bind(clusters);

afterEach(async () => {
  await clusters.cleanUp();
  expect(clusters.complaints()).toEqual([]);
});

describe("nodes", () => {
  test("a pageserver registers when it re-attaches and is shown as in Neon", async () => {
    const { call, ps1 } = await cluster(1);
    const node = {
      id: 1,
      availability: "Active",
      scheduling: "Active",
      availability_zone_id: "us-east-2a",
      listen_http_addr: "localhost",
      listen_http_port: ps1.port,
      listen_pg_addr: "localhost",
      listen_pg_port: 10_001,
    };
    expect(await call("GET", "control/v1/node")).toEqual({ status: 200, body: [node] });
    expect((await call("GET", "control/v1/node/77")).body).toEqual({ msg: "NotFound: Node 77 not registered" });
    expect(await call("POST", "control/v1/node", { ...ps1.register, listen_pg_port: 1 })).toEqual({
      status: 409,
      body: { msg: "Conflict: Node is already registered with different address" },
    });
    expect((await call("POST", "upcall/v1/re-attach", { node_id: 77 })).body).toEqual({ tenants: [] });
  });

  test("a node that stops answering goes Offline and is Active again after it has re-attached", async () => {
    const { call, reAttach, ps1 } = await cluster(1);
    await ps1.close();
    const availability = async () =>
      ((await call("GET", "control/v1/node/1")).body as { availability: string }).availability;
    await vi.waitFor(async () => expect(await availability()).toBe("Offline"), { interval: 20 });
    const again = await pageserver(1, ps1.port);
    await reAttach(again);
    expect(await availability()).toBe("Active");
  });
});

describe("tenants", () => {
  test("creation attaches in generation 1, answers 0, and 1 when it is repeated", async () => {
    const { call, ps1 } = await cluster(1);
    const tenant = TenantId.generate();
    const create = () => call("POST", "v1/tenant", { new_tenant_id: tenant, gc_period: "0s" });
    const shard = { shard_id: tenant, node_id: 1 };
    expect(await create()).toEqual({ status: 201, body: { shards: [{ ...shard, generation: 0 }] } });
    expect(ps1.locations.get(tenant)).toEqual({
      mode: "AttachedSingle",
      generation: 1,
      secondary_conf: null,
      shard_number: 0,
      shard_count: 0,
      shard_stripe_size: 32768,
      tenant_conf: { gc_period: "0s" },
    });
    expect((await create()).body).toEqual({ shards: [{ ...shard, generation: 1 }] });
    expect(ps1.requests).toHaveLength(1);
    expect((await call("GET", `debug/v1/tenant/${tenant}/locate`)).body).toEqual({
      shards: [
        {
          shard_id: tenant,
          node_id: 1,
          listen_pg_addr: "localhost",
          listen_pg_port: 10_001,
          listen_http_addr: "localhost",
          listen_http_port: ps1.port,
        },
      ],
      shard_params: { count: 0, stripe_size: 32768 },
    });
    const gens = [1, 0].map((gen) => ({ id: tenant, gen }));
    expect(
      (await call("POST", "upcall/v1/validate", { tenants: [...gens, { id: TenantId.generate(), gen: 1 }] })).body,
    ).toEqual({
      tenants: [
        { id: tenant, valid: true },
        { id: tenant, valid: false },
      ],
    });
  });

  test("shards spread over the nodes; too few nodes for the copies is a conflict that leaves nothing", async () => {
    const { call, ps1, ps2 } = await cluster(2);
    const tenant = TenantId.generate();
    await call("POST", "v1/tenant", { new_tenant_id: tenant, shard_parameters: { count: 2, stripe_size: 8 } });
    expect([...ps1.locations.keys(), ...ps2.locations.keys()]).toEqual([`${tenant}-0002`, `${tenant}-0102`]);
    const other = TenantId.generate();
    expect(await call("POST", "v1/tenant", { new_tenant_id: other, placement_policy: { Attached: 5 } })).toEqual({
      status: 409,
      body: { msg: "Conflict: Failed to schedule shard(s): No pageserver found matching constraint" },
    });
    expect(await call("GET", `control/v1/tenant/${other}`)).toEqual({
      status: 404,
      body: { msg: `NotFound: Tenant ${other} not found` },
    });
  });

  test("timelines start on shard zero and the others follow; GETs are passed through under the shard's name", async () => {
    const { call, ps1, ps2 } = await cluster(2);
    const tenant = TenantId.generate();
    await call("POST", "v1/tenant", { new_tenant_id: tenant, shard_parameters: { count: 2 } });
    const [root, branch] = [TimelineId.generate(), TimelineId.generate()];
    await call("POST", `v1/tenant/${tenant}/timeline`, { new_timeline_id: root, pg_version: 17 });
    const created = await call("POST", `v1/tenant/${tenant}/timeline`, {
      new_timeline_id: branch,
      ancestor_timeline_id: root,
    });
    expect(created).toMatchObject({ status: 201, body: { tenant_id: `${tenant}-0002` } });
    expect(ps1.requests.at(-2)).toBe(`POST timeline on ${tenant}-0002 {"new_timeline_id":"${root}","pg_version":17}`);
    expect(ps2.requests.slice(-2)).toEqual([
      `POST timeline on ${tenant}-0102 {"new_timeline_id":"${root}","pg_version":17,"existing_initdb_timeline_id":"${root}"}`,
      `POST timeline on ${tenant}-0102 {"new_timeline_id":"${branch}","ancestor_timeline_id":"${root}","ancestor_start_lsn":"0/14EC3A8"}`,
    ]);
    const listed = await call("GET", `v1/tenant/${tenant}/timeline?x=1`);
    expect(listed.body).toMatchObject([{ new_timeline_id: root }, { new_timeline_id: branch }, "1"]);
    expect(await call("DELETE", `v1/tenant/${tenant}/timeline/${branch}`)).toEqual({ status: 200, body: null });
    expect((await call("GET", `v1/tenant/${tenant}/timeline`)).body).toHaveLength(1);
  });

  test("a changed configuration reaches the pageserver in the same generation", async () => {
    const { call, ps1 } = await cluster(1);
    const tenant_id = TenantId.generate();
    await call("POST", "v1/tenant", { new_tenant_id: tenant_id, gc_period: "0s", gc_horizon: 1 });
    await call("PATCH", "v1/tenant/config", { tenant_id, gc_horizon: null, pitr_interval: "1day" });
    const conf = ps1.locations.get(tenant_id);
    expect([conf?.generation, conf?.tenant_conf]).toEqual([1, { gc_period: "0s", pitr_interval: "1day" }]);
    expect((await call("PUT", "v1/tenant/config", { tenant_id, bogus: 1 })).body).toEqual({
      msg: '"Failed to parse json request: unknown field `bogus`"',
    });
  });

  test("migration detaches here and attaches there in the next generation; deletion leaves nothing", async () => {
    const { call, ps1, ps2 } = await cluster(2);
    const tenant = TenantId.generate();
    await call("POST", "v1/tenant", { new_tenant_id: tenant });
    const migrate = () => call("PUT", `control/v1/tenant/${tenant}/migrate`, { tenant_shard_id: tenant, node_id: 2 });
    expect(await migrate()).toEqual({ status: 200, body: {} });
    expect(await migrate()).toEqual({ status: 200, body: {} });
    expect([ps1.locations.size, ps2.locations.get(tenant)?.generation]).toEqual([0, 2]);
    expect((await call("POST", "debug/v1/inspect", { tenant_shard_id: tenant })).body).toEqual({ attachment: [2, 2] });
    expect(await call("POST", "debug/v1/consistency_check")).toEqual({ status: 200, body: null });
    expect(await call("POST", "debug/v1/reconcile_all")).toEqual({ status: 200, body: 0 });
    expect(await call("DELETE", `v1/tenant/${tenant}`)).toEqual({ status: 200, body: null });
    expect(ps2.locations.size).toBe(0);
    expect((await call("DELETE", `v1/tenant/${tenant}`)).status).toBe(404);
  });

  test("placement Detached takes the tenant away, and then its timelines are not to be had", async () => {
    const { call, ps1 } = await cluster(1);
    const tenant = TenantId.generate();
    await call("POST", "v1/tenant", { new_tenant_id: tenant });
    await call("PUT", `control/v1/tenant/${tenant}/policy`, { placement: "Detached" });
    expect(ps1.locations.size).toBe(0);
    expect(await call("GET", `v1/tenant/${tenant}/timeline`)).toEqual({
      status: 503,
      body: { msg: "One or more shards in tenant is not yet attached" },
    });
    await call("PUT", `control/v1/tenant/${tenant}/policy`, { placement: { Attached: 0 } });
    expect(ps1.locations.get(tenant)?.generation).toBe(2);
  });

  test("the attach hook hands out generations and moves nothing", async () => {
    const { call, ps1 } = await cluster(1);
    const tenant_shard_id = TenantId.generate();
    const hook = async (node_id: number | null) =>
      (await call("POST", "debug/v1/attach-hook", { tenant_shard_id, node_id })).body;
    expect([await hook(1), await hook(1), await hook(null), await hook(1)]).toEqual([
      { gen: 1 },
      { gen: 2 },
      { gen: null },
      { gen: 3 },
    ]);
    expect(ps1.requests).toEqual([]);
  });
});

describe("restarts", () => {
  test("a pageserver that comes back gets its tenants in the next generation", async () => {
    const { call, reAttach, ps1 } = await cluster(1);
    const tenant = TenantId.generate();
    await call("POST", "v1/tenant", { new_tenant_id: tenant });
    await ps1.close();
    const again = await pageserver(
      1,
      ps1.port,
      new Map([...ps1.locations].map(([id, conf]) => [id, { ...conf, generation: 2 }])),
    );
    expect(await reAttach(again)).toEqual({ tenants: [{ id: tenant, gen: 2, mode: "AttachedSingle" }] });
    await call("POST", "debug/v1/reconcile_all");
    expect(again.requests).toEqual([]);
  });

  test("a pageserver that lost what it had is told again", async () => {
    const { call, reAttach, ps1 } = await cluster(1);
    const tenant = TenantId.generate();
    await call("POST", "v1/tenant", { new_tenant_id: tenant });
    await ps1.close();
    const empty = await pageserver(1, ps1.port);
    await reAttach(empty);
    await vi.waitFor(() => expect(empty.locations.get(tenant)?.generation).toBe(3), { interval: 5 });
  });

  test("a new controller knows what the old one did; a pageserver that went on gets no new generation", async () => {
    const { call, close, repoDir, ps1 } = await cluster(1);
    const tenant = TenantId.generate();
    await call("POST", "v1/tenant", { new_tenant_id: tenant, gc_period: "0s" });
    await close();
    const next = await controller(repoDir);
    expect((await next.call("GET", "ready")).status).toBe(200);
    expect((await next.call("GET", "control/v1/node/1")).body).toMatchObject({ availability: "Active" });
    await next.call("PATCH", "v1/tenant/config", { tenant_id: tenant, gc_period: "1s" });
    const conf = ps1.locations.get(tenant);
    expect([conf?.generation, conf?.tenant_conf]).toEqual([1, { gc_period: "1s" }]);
    expect(ps1.requests).toHaveLength(2);
  });
});

test("what is told of safekeepers and of metadata outlives a restart", async () => {
  const { repoDir, ...storcon } = await cluster(1);
  const [healthy, ill] = [TenantId.generate(), TenantId.generate()];
  for (const new_tenant_id of [healthy, ill]) await storcon.call("POST", "v1/tenant", { new_tenant_id });
  const safekeeper = { id: 7, region_id: "r", version: 1, host: "h", port: 1, http_port: 2, availability_zone_id: "a" };
  expect((await storcon.call("GET", "control/v1/safekeeper/7")).status).toBe(404);
  expect((await storcon.call("POST", "control/v1/safekeeper/7", safekeeper)).status).toBe(204);
  const policy = { scheduling_policy: "Decomissioned" };
  expect((await storcon.call("POST", "control/v1/safekeeper/7/scheduling_policy", policy)).status).toBe(204);
  const update = { healthy_tenant_shards: [healthy], unhealthy_tenant_shards: [ill] };
  expect((await storcon.call("POST", "control/v1/metadata_health/update", update)).body).toEqual({});
  await storcon.close();
  const again = await controller(repoDir);
  expect((await again.call("GET", "control/v1/safekeeper")).body).toEqual([{ ...safekeeper, ...policy }]);
  const unhealthy = await again.call("GET", "control/v1/metadata_health/unhealthy");
  expect(unhealthy.body).toEqual({ unhealthy_tenant_shards: [ill] });
  const outdated = await again.call("POST", "control/v1/metadata_health/outdated", { not_scrubbed_for: "1h" });
  expect(outdated.body).toEqual({ health_records: [] });
});

import { existsSync } from "node:fs";
import { expect, requires, TenantId, test, TimelineId } from "../fixtures";
import type { NeonEnv } from "../fixtures";

async function rows(env: NeonEnv, branch: string, tenantId: TenantId): Promise<unknown> {
  const endpoint = await env.endpoints.createStart(branch, { tenantId });
  const [row] = await endpoint.sql`select count(*)::int as n, sum(i)::int as sum from t`;
  await endpoint.stop();
  return row;
}

// covers: test_tenants.py::test_tenants_normal_work, test_normal_work.py
test("tenants are made, written to, and detached, while others go on", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  for (let round = 1; round <= 2; round += 1) {
    const { tenantId } = await env.createTenant();
    const endpoint = await env.endpoints.createStart("main", { tenantId });
    await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
    await endpoint.stop();
    await endpoint.start();
    await endpoint.sql`insert into t select generate_series(1001, 2000)`;
    await env.waitForLastFlushLsn(endpoint);
    expect(await endpoint.sql`select sum(i)::int as sum from t`).toEqual([{ sum: 2_001_000 }]);
    await endpoint.stop();
    await env.pageserver.tenantDetach(tenantId);
    const left = (await env.pageserver.httpClient().listTenants()).map(({ id }) => id);
    expect(left).toEqual([env.initialTenant]);
  }
});

// covers: test_tenants.py::test_timelines_parallel_endpoints
test("computes of several branches run at the same time", async ({ neonSimpleEnv: env }) => {
  const names = ["a", "b", "c"];
  for (const name of names) await env.createBranch(name);
  const sums = await Promise.all(
    names.map(async (name, index) => {
      const endpoint = await env.endpoints.createStart(name);
      await endpoint.query(`create table t as select generate_series(1, ${100 * (index + 1)}) as i`);
      const [row] = await endpoint.sql`select count(*)::int as n from t`;
      return row?.["n"];
    }),
  );
  expect(sums).toEqual([100, 200, 300]);
});

// covers: test_tenants.py::test_pageserver_with_empty_tenants
test("a pageserver starts with tenants that have no timelines, and without any tenant", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ createInitialTenant: false }).initStart();
  const client = env.pageserver.httpClient();
  await env.pageserver.restart();
  expect(await client.listTenants()).toEqual([]);
  const tenantId = TenantId.generate();
  await env.storageController.waitUntilActive([env.pageserver.id]);
  await env.storageController.httpClient().createTenant({ tenantId });
  for (let round = 0; round < 2; round += 1) {
    const [tenant, ...others] = await client.listTenants();
    expect(others).toEqual([]);
    expect(tenant).toMatchObject({ id: tenantId, state: { slug: "Active" }, attachment_status: { slug: "attached" } });
    expect(await client.listTimelines(tenantId)).toEqual([]);
    await env.pageserver.restart();
  }
});

// covers: test_tenants.py::test_create_churn_during_restart
test("timelines and tenants that are made while the pageserver restarts are there, or were refused", async ({
  neonSimpleEnv: env,
}) => {
  const client = env.pageserver.httpClient();
  const ids = Array.from({ length: 6 }, () => TimelineId.generate());
  const create = (id: TimelineId) =>
    client.createTimeline(env.initialTenant, { new_timeline_id: id, ancestor_timeline_id: env.initialTimeline }).then(
      () => "made",
      (error: { code?: string }) => error.code,
    );
  const outcomes = await Promise.all([...ids.map(create), env.pageserver.restart({ immediate: true })]);
  expect(new Set(outcomes.filter((each) => each !== "made"))).toEqual(
    new Set([undefined, "HTTP_ERROR"].filter((each) => outcomes.includes(each))),
  );
  await env.pageserver.waitForTenants();
  // Whoever got no answer asks again, and gets what the first request made.
  expect(await Promise.all(ids.map(create))).toEqual(ids.map(() => "made"));
  const listed = (await client.listTimelines(env.initialTenant)).map((each) => each.timeline_id);
  expect(listed.toSorted()).toEqual([env.initialTimeline, ...ids].toSorted());
});

// covers: test_tenant_delete.py::test_tenant_delete_smoke
test("a deleted tenant leaves nothing on disk and in remote storage, and can be made again", async ({
  neonSimpleEnv: env,
}) => {
  const client = env.pageserver.httpClient();
  const { tenantId } = await env.createTenant();
  await env.createBranch("branch", { tenantId });
  const storage = env.pageserverRemoteStorage;
  await storage.assertPrefixNotEmpty(storage.tenantPath(tenantId));
  expect(existsSync(env.pageserver.tenantDir(tenantId))).toBe(true);
  await env.storageController.httpClient().deleteTenant(tenantId);
  await storage.assertPrefixEmpty(storage.tenantPath(tenantId));
  expect(existsSync(env.pageserver.tenantDir(tenantId))).toBe(false);
  await expect(client.tenant(tenantId)).rejects.toMatchObject({ status: 404 });
  await env.storageController.httpClient().createTenant({ tenantId });
  expect(await client.listTimelines(tenantId)).toEqual([]);
  expect((await client.tenant(env.initialTenant)).state).toEqual({ slug: "Active" });
});

// covers: test_tenant_delete.py::test_tenant_delete_stale_shards
test("shards of before a split go with the tenant", requires("sharding", "testing"), async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
  await env.waitForUpload(endpoint);
  await endpoint.stop();
  const controller = env.storageController.httpClient();
  await controller.splitShards(env.initialTenant, { shardCount: 2 });
  const storage = env.pageserverRemoteStorage;
  await storage.assertPrefixNotEmpty(`tenants/${env.initialTenant}/`);
  await storage.assertPrefixNotEmpty(`tenants/${env.initialTenant}-0002/`);
  await controller.deleteTenant(env.initialTenant);
  await storage.assertPrefixEmpty(`tenants/${env.initialTenant}`);
});

// covers: test_tenant_detach.py::test_tenant_detach_smoke
test("what can't be detached is refused, and a detached tenant leaves no files", async ({ neonSimpleEnv: env }) => {
  const client = env.pageserver.httpClient();
  const { tenantId, timelineId } = await env.createTenant();
  const before = await rowsWritten(env, tenantId);
  await env.pageserver.tenantDetach(tenantId);
  expect(existsSync(env.pageserver.tenantDir(tenantId))).toBe(false);
  await expect(client.timelineDetail(tenantId, timelineId)).rejects.toMatchObject({ status: 404 });
  const gc = client.collectGarbage(tenantId, timelineId);
  await expect(gc).rejects.toMatchObject({ status: 404 });
  await env.pageserver.tenantAttach(tenantId);
  await env.pageserver.waitForTenants();
  expect(await rows(env, "main", tenantId)).toEqual(before);
});

async function rowsWritten(env: NeonEnv, tenantId: TenantId): Promise<unknown> {
  const endpoint = await env.endpoints.createStart("main", { tenantId });
  await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
  await env.waitForLastFlushLsn(endpoint);
  const [row] = await endpoint.sql`select count(*)::int as n, sum(i)::int as sum from t`;
  await endpoint.stop();
  return row;
}

// covers: test_tenant_detach.py::test_metrics_while_ignoring_broken_tenant_and_reloading
test(
  "a broken tenant is counted as broken, until it is loaded again",
  requires("testing"),
  async ({ neonSimpleEnv: env }) => {
    const client = env.pageserver.httpClient();
    env.pageserver.allowedErrors.push(/Broken|broken/, /will not become active/);
    const states = async () => {
      const metrics = await client.metrics();
      return ["Active", "Broken"].map((state) => metrics.total("pageserver_tenant_states_count", { state }));
    };
    expect(await states()).toEqual([1, 0]);
    await client.breakTenant(env.initialTenant);
    await expect.poll(states, { timeout: 10_000 }).toEqual([0, 1]);
    expect((await client.tenant(env.initialTenant)).state.slug).toBe("Broken");
    await env.pageserver.restart();
    await expect.poll(states, { timeout: 10_000 }).toEqual([1, 0]);
  },
);

test("a compute waits for a tenant that is being attached", requires("failpoints"), async ({ neonSimpleEnv: env }) => {
  const { initialTenant: tenantId } = env;
  const client = env.pageserver.httpClient();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
  await env.waitForUpload(endpoint);
  await endpoint.stop();
  await env.pageserver.tenantDetach(tenantId);
  await client.configureFailpoints([["attach-before-activate-sleep", "return(3000)"]]);
  const attached = env.pageserver.tenantAttach(tenantId);
  const states = async () => (await client.listTenants()).map(({ state }) => state.slug);
  await expect.poll(states, { timeout: 10_000 }).toEqual(["Attaching"]);
  await Promise.all([attached, endpoint.start({ basebackupRequestTries: 1 })]);
  expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 1000 }]);
});

// covers: test_tenant_relocation.py::test_tenant_relocation
test("a tenant goes to another pageserver with its branches, and goes on there", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numPageservers: 2 }).initStart();
  const { initialTenant: tenantId } = env;
  const origin = await env.getTenantPageserver(tenantId);
  const target = env.pageservers.find((each) => each !== origin);
  if (target === undefined) throw new Error("there is one pageserver");
  // Two computes are told, which may take longer than the controller waits at first.
  env.storageController.allowedErrors.push(/Send compute notification failed, will retry/);
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select generate_series(1, 1000) as i`;
  const lsn = await env.waitForLastFlushLsn(main);
  await env.createBranch("branch", { lsn });
  const branch = await env.endpoints.createStart("branch");
  await branch.sql`insert into t values (0)`;
  await main.sql`delete from t where i > 500`;
  await env.storageController.httpClient().migrateShard({ tenantId, shardNumber: 0, shardCount: 0 }, target.id);
  expect(await origin?.httpClient().listTenants()).toEqual([]);
  for (const endpoint of [main, branch]) await endpoint.sql`insert into t values (-1)`;
  await origin?.stop();
  for (const endpoint of [main, branch]) await endpoint.restart();
  const counts = await Promise.all([main, branch].map((each) => each.sql`select count(*)::int as n from t`));
  expect(counts).toEqual([[{ n: 501 }], [{ n: 1002 }]]);
});

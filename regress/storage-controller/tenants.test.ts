import { expect, requires, TenantId, TenantShardId, test } from "../../fixtures";
import type { NeonEnv, Pageserver } from "../../fixtures";
import { createTenants, untilIdle } from "./shards";

const STOPPED = [/Scheduling is disabled by policy/, /Skipping reconcile for policy/];

/** Which tenants, or shards, each pageserver has attached. */
async function attached(env: NeonEnv): Promise<string[][]> {
  const lists = env.pageservers.map(async (pageserver) =>
    (await pageserver.httpClient().listTenants()).map(({ id }) => id),
  );
  return Promise.all(lists);
}

/** Lets the controller forget the initial tenant, which stays attached to its pageserver. */
async function unmanagedTenant(env: NeonEnv): Promise<{ origin: Pageserver; generation: number }> {
  const origin = await env.getTenantPageserver(env.initialTenant);
  if (origin === undefined) throw new Error("the tenant is attached nowhere");
  await env.storageController.httpClient().dropTenant(env.initialTenant);
  return { origin, generation: (await origin.httpClient().tenant(env.initialTenant)).generation };
}

// covers: test_storage_controller.py::test_storage_controller_restart
test("restarts of controller and pageserver attach nothing and detach nothing", async ({ neonSimpleEnv: env }) => {
  const [other = env.initialTenant] = await createTenants(env, { tenants: 1 });
  await env.pageserver.tenantDetach(env.initialTenant);
  const check = async () => {
    expect(await attached(env)).toEqual([[other]]);
    await env.storageController.httpClient().checkConsistency();
  };
  await env.storageController.restart();
  await check();
  await env.pageserver.restart();
  await check();
});

// covers: test_storage_controller.py::test_storage_controller_restart
test("policies, settings and generations of tenants survive a restart of the controller", async ({
  neonEnvBuilder,
}) => {
  const env = await neonEnvBuilder.with({ numPageservers: 2, createInitialTenant: false }).initStart();
  const controller = env.storageController.httpClient();
  env.storageController.allowedErrors.push(...STOPPED);
  const tenantId = TenantId.generate();
  await controller.createTenant({
    ...{ tenantId, shardCount: 2, shardStripeSize: 2048, config: { gc_horizon: 77 } },
    placementPolicy: { Attached: 1 },
  });
  await untilIdle(env);
  await controller.setTenantPolicy(tenantId, { scheduling: "Stop" });
  const facts = async () => {
    const { shards, ...tenant } = await controller.describeTenant(tenantId);
    const dump = (await controller.dumpShards()).map((shard) => [
      shard.tenant_shard_id,
      shard.generation,
      shard.intent,
    ]);
    return {
      tenant,
      dump: dump.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
      policies: shards.map((shard) => shard.scheduling_policy),
    };
  };
  const before = await facts();
  expect(before.tenant).toMatchObject({ stripe_size: 2048, policy: { Attached: 1 }, config: { gc_horizon: 77 } });
  expect(before.policies).toEqual(["Stop", "Stop"]);
  await env.storageController.restart();
  expect(await facts()).toEqual(before);
  await env.storageController.kill9();
  await env.storageController.start();
  expect(await facts()).toEqual(before);
});

// covers: test_storage_controller.py::test_storage_controller_onboarding
test.for(["cold", "warm"])(
  "a tenant of a single pageserver is taken over, %s, and keeps its generations",
  requires("secondaries"),
  async (how, { neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numPageservers: 3 }).initStart();
    const controller = env.storageController.httpClient();
    const { initialTenant: tenantId } = env;
    const { origin, generation } = await unmanagedTenant(env);
    // It is about to be replaced, so the controller puts nothing on it.
    await controller.configureNode(origin.id, { scheduling: "Pause" });
    const client = controller.asPageserver;
    const plain = { secondary_conf: null, tenant_conf: {} };
    await origin.httpClient().locationConfig(tenantId, { mode: "AttachedStale", generation, ...plain });
    let warmed: number | undefined;
    if (how === "warm") {
      await origin.httpClient().uploadHeatmap(tenantId);
      await client.locationConfig(tenantId, { mode: "Secondary", secondary_conf: { warm: true }, tenant_conf: {} });
      await client.downloadSecondary(tenantId, { waitMs: 5_000 });
      warmed = (await controller.describeTenant(tenantId)).shards[0]?.node_secondary[0];
      expect(warmed).toBeDefined();
    }
    const answer = await client.locationConfig(tenantId, {
      mode: "AttachedMulti",
      generation: generation + 1,
      ...plain,
    });
    expect(answer?.shards).toHaveLength(1);
    const home = (await controller.describeTenant(tenantId)).shards[0]?.node_attached ?? 0;
    if (how === "warm") expect(home).toBe(warmed);
    await origin.httpClient().detachTenant(tenantId);
    await client.locationConfig(tenantId, { mode: "AttachedSingle", generation: generation + 1, ...plain });
    expect(await origin.httpClient().listTenants()).toEqual([]);
    const there = env.getPageserver(home);
    // The controller counts on from the generation that it was given.
    expect((await there.httpClient().tenant(tenantId)).generation).toBe(generation + 2);

    await env.storageController.restart();
    await there.restart();
    await env.storageController.waitUntilActive([home]);
    const before = (await there.httpClient().tenant(tenantId)).generation;
    expect(before).toBeGreaterThan(generation + 2);
    // Settings can be changed in the same way, and a generation that is old by now does no harm.
    const changed = { mode: "AttachedSingle", generation, tenant_conf: { max_lsn_wal_lag: 123_456_789 } } as const;
    await client.locationConfig(tenantId, changed);
    expect((await there.httpClient().tenant(tenantId)).generation).toBe(before);
    const config = await there.httpClient().tenantConfig(tenantId);
    expect(config.effective_config.max_lsn_wal_lag).toBe(123_456_789);
    await controller.checkConsistency();
  },
);

// covers: test_storage_controller.py::test_storage_controller_onboard_detached
test("a tenant that the controller first hears of detached is attached nowhere, and can be deleted", async ({
  neonEnvBuilder,
}) => {
  const env = await neonEnvBuilder.with({ numPageservers: 2 }).initStart();
  const controller = env.storageController.httpClient();
  const { initialTenant: tenantId } = env;
  const { origin, generation } = await unmanagedTenant(env);
  await origin.httpClient().detachTenant(tenantId);
  const path = env.pageserverRemoteStorage.tenantPath(tenantId);
  await env.pageserverRemoteStorage.assertPrefixNotEmpty(path);
  const client = controller.asPageserver;
  const detached = { mode: "Detached", generation: generation + 1, tenant_conf: {} } as const;
  expect((await client.locationConfig(tenantId, detached))?.shards).toEqual([]);
  expect(await attached(env)).toEqual([[], []]);
  await controller.deleteTenant(tenantId);
  await env.pageserverRemoteStorage.assertPrefixEmpty(path);
  await controller.checkConsistency();
});

// covers: test_storage_controller.py::test_storage_controller_detached_stopped
test("a tenant is detached even where its policy says that it is left alone", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ createInitialTenant: false }).initStart();
  env.storageController.allowedErrors.push(...STOPPED);
  const controller = env.storageController.httpClient();
  const [tenantId = TenantId.generate()] = await createTenants(env, { tenants: 1, shardCount: 1 });
  await controller.setTenantPolicy(tenantId, { scheduling: "Stop" });
  expect((await attached(env)).flat()).toHaveLength(1);
  await controller.asPageserver.locationConfig(tenantId, { mode: "Detached", tenant_conf: {} });
  await untilIdle(env);
  expect(await attached(env)).toEqual([[]]);
  await controller.checkConsistency();
});

// covers: test_storage_controller.py::test_storage_controller_detach_lifecycle
test("a detached tenant can be attached again after a restart, and deleted while detached", async ({
  neonEnvBuilder,
}) => {
  const env = await neonEnvBuilder.initStart();
  const controller = env.storageController.httpClient();
  const { initialTenant: tenantId } = env;
  const path = env.pageserverRemoteStorage.tenantPath(tenantId);
  await env.pageserverRemoteStorage.assertPrefixNotEmpty(path);
  const move = (mode: "Detached" | "AttachedSingle") =>
    controller.asPageserver.locationConfig(tenantId, { mode, tenant_conf: {} });
  await move("Detached");
  await untilIdle(env);
  expect(await attached(env)).toEqual([[]]);
  await env.storageController.restart();
  expect(await attached(env)).toEqual([[]]);
  await controller.checkConsistency();
  await move("AttachedSingle");
  expect(await attached(env)).toEqual([[tenantId]]);
  expect((await controller.listTenants()).map((tenant) => tenant.tenant_id)).toEqual([tenantId]);
  await move("Detached");
  await untilIdle(env);
  await controller.deleteTenant(tenantId);
  await env.pageserverRemoteStorage.assertPrefixEmpty(path);
  await controller.checkConsistency();
});

// covers: test_storage_controller.py::test_storage_controller_shard_scheduling_policy
test("a tenant whose policy is Stop is not reconciled, until it is Active again", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ createInitialTenant: false }).initStart();
  env.storageController.allowedErrors.push(...STOPPED, /Reconcile error/, /Call to node.*management API.*failed/);
  const controller = env.storageController.httpClient();
  const count = async (status: "ok" | "error") =>
    (await controller.metrics()).total("storage_controller_reconcile_complete_total", { status });
  const tenantId = TenantId.generate();
  await controller.createTenant({ tenantId, placementPolicy: "Detached" });
  // Nobody is there to attach it to.
  await env.pageserver.stop();
  await Promise.allSettled([controller.setTenantPolicy(tenantId, { placement: { Attached: 0 } })]);
  await expect.poll(() => count("error"), { timeout: 10_000 }).toBeGreaterThan(0);
  const before = await count("error");
  await Promise.allSettled([controller.reconcileAll()]);
  await expect.poll(() => count("error"), { timeout: 10_000 }).toBeGreaterThan(before);
  await controller.setTenantPolicy(tenantId, { scheduling: "Stop" });
  // One that was under way may still fail.
  await expect.poll(() => controller.reconcileAll(), { timeout: 10_000 }).toBe(0);
  const stopped = await count("error");
  expect(await controller.reconcileAll()).toBe(0);
  expect(await count("error")).toBe(stopped);

  await env.pageserver.start();
  await env.storageController.waitUntilActive([env.pageserver.id]);
  expect(await attached(env)).toEqual([[]]);
  await controller.setTenantPolicy(tenantId, { scheduling: "Active" });
  await expect.poll(() => attached(env), { timeout: 10_000 }).toEqual([[tenantId]]);
});

// covers: test_storage_controller.py::test_shard_preferred_azs
test(
  "tenants prefer the zone that they began in, or that they are told, and so do their splits",
  requires("sharding"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numPageservers: 4, numAzs: 2, createInitialTenant: false }).initStart();
    const controller = env.storageController.httpClient();
    const zones = new Map((await controller.listNodes()).map((node) => [node.id, node.availability_zone_id]));
    const tenants = await createTenants(env, { tenants: 3 });
    const places = async (tenantId: TenantId) =>
      (await controller.describeTenant(tenantId)).shards.map((shard) => [
        shard.preferred_az_id,
        zones.get(shard.node_attached ?? 0),
      ]);
    for (const tenantId of tenants) {
      const [[preferred, actual] = []] = await places(tenantId);
      expect(preferred).toBe(actual);
    }
    const zone = "us-east-2a";
    const wanted = Object.fromEntries(tenants.map((tenantId) => [tenantId, zone]));
    expect((await controller.setPreferredAzs(wanted)).length).toBeGreaterThan(0);
    await untilIdle(env);
    for (const tenantId of tenants) expect(await places(tenantId)).toEqual([[zone, zone]]);
    await controller.splitShards(tenants[0] ?? TenantId.generate(), { shardCount: 2 });
    await untilIdle(env);
    expect(await places(tenants[0] ?? TenantId.generate())).toEqual([
      [zone, zone],
      [zone, zone],
    ]);
  },
);

// covers: test_storage_controller.py::test_storage_controller_metadata_health
test.for([0, 2])(
  "what a scrubber found out about tenants of %s shards is remembered",
  requires("sharding"),
  async (shardCount, { neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numPageservers: 2, createInitialTenant: false }).initStart();
    const controller = env.storageController.httpClient();
    const tenants = await createTenants(env, { tenants: 3, shardCount });
    const ids = (await controller.dumpShards()).map((shard) => shard.tenant_shard_id);
    const [a = [], b = [], c = []] = tenants.map((tenantId) => ids.filter((id) => id.startsWith(tenantId)).sort());
    const unhealthy = async () => (await controller.unhealthyShards()).sort();
    const outdated = async (span: string) =>
      (await controller.outdatedShards(span)).map((record) => record.tenant_shard_id).sort();
    expect([await unhealthy(), await outdated("1h")]).toEqual([[], []]);
    await controller.updateMetadataHealth({ healthy: a, unhealthy: b });
    expect([await unhealthy(), await outdated("1h")]).toEqual([b, []]);
    await controller.updateMetadataHealth({ healthy: [...b, ...c] });
    expect(await unhealthy()).toEqual([]);
    await controller.updateMetadataHealth({ unhealthy: a });
    await env.storageController.restart();
    expect(await unhealthy()).toEqual(a);
    await controller.deleteTenant(tenants[0] ?? TenantId.generate());
    expect(await unhealthy()).toEqual([]);
    expect(await outdated("0s")).toEqual([...b, ...c].sort());
  },
);

// covers: test_storage_controller.py::test_tenant_import
test.for([0, 2])(
  "a tenant of %s shards that the controller has lost is found in remote storage",
  requires("sharding"),
  async (shardCount, { neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numPageservers: 2, initialTenantShardCount: shardCount }).initStart();
    const controller = env.storageController.httpClient();
    await env.createBranch("branch");
    const rows: Record<string, number> = { main: 72, branch: 107 };
    for (const [branch, n] of Object.entries(rows)) {
      const endpoint = await env.endpoints.createStart(branch);
      await endpoint.sql`create table t as select generate_series(1, ${n}::int) as i`;
      await env.waitForLastFlushLsn(endpoint);
      await endpoint.stop();
      // In higher generations from here on.
      await Promise.all(env.pageservers.map((pageserver) => pageserver.restart()));
      await env.storageController.waitUntilActive(env.pageservers.map(({ id }) => id));
    }
    await controller.setTenantPolicy(env.initialTenant, { placement: "Detached" });
    await untilIdle(env);
    await controller.dropTenant(env.initialTenant);
    await expect(controller.describeTenant(env.initialTenant)).rejects.toMatchObject({ status: 404 });

    await controller.importTenant(env.initialTenant);
    const { shards } = await controller.describeTenant(env.initialTenant);
    expect(shards.map(({ tenant_shard_id: id }) => TenantShardId.parse(id).shardCount)).toEqual(
      Array.from({ length: Math.max(1, shardCount) }, () => shardCount),
    );
    for (const endpoint of env.endpoints.all) {
      await endpoint.start();
      expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([
        { n: rows[endpoint.settings.branchName ?? ""] },
      ]);
    }
  },
);

// covers: test_storage_controller.py::test_storage_controller_tenant_deletion
test.for([0, 4])(
  "a deleted tenant of %s shards is nowhere any more, its neighbour is",
  requires("sharding"),
  async (shardCount, { neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numPageservers: 4 }).initStart();
    const controller = env.storageController.httpClient();
    const { tenantId } = await env.createTenant({ shardCount });
    const shards = (await controller.locate(tenantId)).shards.map((shard) => shard.shard_id);
    const storage = env.pageserverRemoteStorage;
    for (const id of shards) await storage.assertPrefixNotEmpty(`tenants/${id}/`);
    await controller.deleteTenant(tenantId);
    // Shard ids of a tenant begin with its own.
    await storage.assertPrefixEmpty(`tenants/${tenantId}`);
    await storage.assertPrefixNotEmpty(storage.tenantPath(env.initialTenant));
    expect((await attached(env)).flat()).toEqual([env.initialTenant]);
    await expect(controller.describeTenant(tenantId)).rejects.toMatchObject({ status: 404 });
    // To delete it again is no error.
    await controller.deleteTenant(tenantId).catch((error: unknown) => expect(error).toMatchObject({ status: 404 }));
    await controller.checkConsistency();
  },
);

import { expect, requires, TenantId, test, TimelineId } from "../../fixtures";
import { attachedShards, createTenants, untilIdle, warmUp } from "./shards";

// covers: test_storage_controller.py::test_node_status_after_restart
test("a controller that starts while a pageserver is down knows which one is up", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numPageservers: 2, createInitialTenant: false }).initStart();
  const [up, down] = env.pageservers;
  await down?.stop();
  await env.storageController.restart();
  const controller = env.storageController.httpClient();
  await controller.ready();
  expect((await controller.listNodes()).map(({ id }) => id).toSorted((a, b) => a - b)).toEqual([1, 2]);
  expect((await controller.node(up?.id ?? 0)).availability).toBe("Active");
  const { shards } = await controller.createTenant({ tenantId: TenantId.generate() });
  expect(shards.map((shard) => shard.node_id)).toEqual([up?.id]);
  await controller.checkConsistency();
});

// covers: test_storage_controller.py::test_storage_controller_smoke
test("pageservers register when they start, and tenants are spread over them", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numPageservers: 3, createInitialTenant: false }).initConfigs();
  const [first, second, third] = env.pageservers;
  await Promise.all([env.computeHook.listen(), env.broker.start(), env.storageController.start()]);
  const controller = env.storageController.httpClient();
  const ids = async () => (await controller.listNodes()).map(({ id }) => id).toSorted((a, b) => a - b);
  await Promise.all([first?.start(), second?.start()]);
  expect(await ids()).toEqual([1, 2]);
  await third?.start();
  expect(await ids()).toEqual([1, 2, 3]);
  await env.storageController.waitUntilActive([1, 2, 3]);

  const tenants = await createTenants(env, { tenants: 6, shardCount: 2 });
  expect((await controller.listTenants()).map((tenant) => tenant.tenant_id).sort()).toEqual(tenants.sort());
  expect(await attachedShards(env)).toEqual({ 1: 4, 2: 4, 3: 4 });
  const metrics = await controller.metrics();
  expect(metrics.value("storage_controller_tenant_shards")).toBe(12);
  expect(metrics.value("storage_controller_pageserver_nodes")).toBe(3);
  // To create again what is there already changes nothing.
  await controller.createTenant({ tenantId: tenants[0] ?? TenantId.generate(), shardCount: 2 });
  expect(await attachedShards(env)).toEqual({ 1: 4, 2: 4, 3: 4 });
  for (const tenantId of tenants) await controller.deleteTenant(tenantId);
  expect(await controller.listTenants()).toEqual([]);
  await controller.checkConsistency();
});

// covers: test_storage_controller.py::test_storage_controller_smoke
test("shards leave a pageserver that is set offline", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numPageservers: 2, createInitialTenant: false }).initStart();
  const controller = env.storageController.httpClient();
  await createTenants(env, { tenants: 2, shardCount: 2 });
  expect(await attachedShards(env)).toEqual({ 1: 2, 2: 2 });
  await controller.configureNode(1, { availability: "Offline" });
  expect(await attachedShards(env)).toEqual({ 1: 0, 2: 4 });
  await untilIdle(env);
  await controller.checkConsistency();
});

// covers: test_storage_controller.py::test_storage_controller_smoke
test("nothing new is put on a pageserver that drains or is paused", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numPageservers: 3, createInitialTenant: false }).initStart();
  const controller = env.storageController.httpClient();
  await controller.configureNode(1, { scheduling: "Draining" });
  await controller.configureNode(2, { scheduling: "Pause" });
  await createTenants(env, { tenants: 3 });
  expect(await attachedShards(env)).toEqual({ 1: 0, 2: 0, 3: 3 });
  await env.storageController.restart();
  await createTenants(env, { tenants: 1 });
  expect(await attachedShards(env)).toEqual({ 1: 0, 2: 0, 3: 4 });
});

// covers: test_storage_controller.py::test_storage_controller_smoke
test("a pageserver that restarts has the same locations, in higher generations", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numPageservers: 2, createInitialTenant: false }).initStart();
  await createTenants(env, { tenants: 2, shardCount: 2, secondaries: 1 });
  await untilIdle(env);
  const [pageserver] = env.pageservers;
  const locations = async () => {
    const { tenant_shards: shards = [] } = (await pageserver?.httpClient().listLocations()) ?? {};
    const found = shards.map(([id, conf]) => ({ id, mode: conf?.mode, generation: conf?.generation ?? 0 }));
    return found.sort((a, b) => (a.id < b.id ? -1 : 1));
  };
  const before = await locations();
  expect(before).toHaveLength(4);
  await pageserver?.restart();
  const after = await locations();
  expect(after.map(({ id, mode }) => [id, mode])).toEqual(before.map(({ id, mode }) => [id, mode]));
  for (const [index, { mode, generation }] of after.entries()) {
    const earlier = before[index]?.generation ?? 0;
    expect(generation > earlier).toBe(mode === "AttachedSingle");
  }
});

// covers: test_storage_controller.py::test_storage_controller_re_attach
test(
  "a pageserver that comes back after a failover has secondaries only, without any reconciliation",
  requires("secondaries"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder
      .with({ numPageservers: 2, createInitialTenant: false, storageControllerConfig: { maxOffline: "1s" } })
      .initStart();
    const [survivor, victim] = env.pageservers;
    if (survivor === undefined || victim === undefined) throw new Error("not two pageservers");
    const controller = env.storageController.httpClient();
    const tenants = await createTenants(env, { tenants: 2, secondaries: 1 });
    for (const [index, tenantId] of tenants.entries()) {
      const target = index === 0 ? survivor : victim;
      await controller.migrateShard({ tenantId, shardNumber: 0, shardCount: 0 }, target.id);
    }
    await untilIdle(env);
    env.storageController.allowedErrors.push(/Call to node.*management API.*failed/);
    await victim.kill9();
    const modes = async (pageserver = survivor) =>
      (await pageserver.httpClient().listLocations()).tenant_shards.map(([, conf]) => conf?.mode);
    await expect.poll(() => modes(), { timeout: 20_000, interval: 100 }).toEqual(["AttachedSingle", "AttachedSingle"]);
    await expect.poll(async () => (await controller.node(victim.id)).availability, { timeout: 20_000 }).toBe("Offline");

    const reconciled = async () =>
      (await controller.metrics()).total("storage_controller_reconcile_complete_total", { status: "ok" });
    await victim.start();
    expect(await modes(victim)).toEqual(["Secondary", "Secondary"]);
    const before = await reconciled();
    await env.storageController.waitUntilActive([victim.id]);
    expect(await modes(victim)).toEqual(["Secondary", "Secondary"]);
    expect(await reconciled()).toBe(before);
    await controller.checkConsistency();
  },
);

// covers: test_storage_controller.py::test_graceful_cluster_restart
test(
  "shards are drained off a pageserver before it restarts, and fill it after",
  requires("secondaries"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numPageservers: 2, createInitialTenant: false }).initStart();
    const controller = env.storageController.httpClient();
    await createTenants(env, { tenants: 3, shardCount: 4, secondaries: 1 });
    await untilIdle(env);
    for (const pageserver of env.pageservers) {
      const state = async () => {
        const { availability, scheduling } = await controller.node(pageserver.id);
        return `${availability} ${scheduling}`;
      };
      const other = env.pageservers.find((each) => each !== pageserver);
      await warmUp(env);
      await controller.drainNode(pageserver.id);
      await expect.poll(state, { timeout: 20_000, interval: 50 }).toBe("Active PauseForRestart");
      expect(await attachedShards(env)).toEqual({ [pageserver.id]: 0, [other?.id ?? 0]: 12 });
      await pageserver.restart();
      await expect.poll(state, { timeout: 20_000, interval: 50 }).toBe("Active Active");
      await controller.fillNode(pageserver.id);
      await expect.poll(state, { timeout: 20_000, interval: 50 }).toBe("Active Active");
      expect(await attachedShards(env)).toEqual({ 1: 6, 2: 6 });
    }
    await controller.checkConsistency();
  },
);

// covers: test_storage_controller.py::test_background_operation_cancellation
test(
  "a drain that is cancelled moves no more shards, and its pageserver is used as before",
  requires("secondaries", "failpoints"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numPageservers: 2, createInitialTenant: false }).initStart();
    const controller = env.storageController.httpClient();
    // More on each of the two than Neon moves at a time, which is 64.
    await createTenants(env, { tenants: 5, shardCount: 32, secondaries: 1 });
    await untilIdle(env);
    await warmUp(env);
    const here = async () => (await attachedShards(env))[1] ?? 0;
    const policy = async () => (await controller.node(1)).scheduling;
    const before = await here();
    // It moves some, and then sleeps for longer than this test takes.
    await controller.configureFailpoints([["sleepy-drain-loop", "return(100000)"]]);
    await controller.drainNode(1);
    await expect.poll(here, { timeout: 20_000 }).toBeLessThan(before);
    expect(await policy()).toBe("Draining");
    await controller.cancelDrain(1);
    await expect.poll(policy, { timeout: 20_000 }).toBe("Active");
    expect(await here()).toBeGreaterThan(0);
    // The policy is set a moment before the drain has ended.
    const again = () => controller.cancelDrain(1).then(String, (error: { status?: number }) => error.status);
    await expect.poll(again, { timeout: 20_000 }).toBe(412);
    await untilIdle(env);
    await controller.checkConsistency();
  },
);

test("there is nothing to cancel where no pageserver is drained or filled", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numPageservers: 2, createInitialTenant: false }).initStart();
  const controller = env.storageController.httpClient();
  await expect(controller.cancelDrain(1)).rejects.toMatchObject({ status: 412 });
  await expect(controller.cancelFill(1)).rejects.toMatchObject({ status: 412 });
  await expect(controller.drainNode(77)).rejects.toMatchObject({ status: 404 });
  expect((await controller.node(1)).scheduling).toBe("Active");
});

// covers: test_storage_controller.py::test_storage_controller_node_deletion
test.for(["runs", "is offline"])(
  "a pageserver that %s is deleted, and all that it had is elsewhere",
  requires("secondaries"),
  async (how, { neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numPageservers: 3, numAzs: 3, createInitialTenant: false }).initStart();
    const controller = env.storageController.httpClient();
    const tenants = await createTenants(env, { tenants: 3, shardCount: 2, secondaries: 1 });
    await untilIdle(env);
    const victim = env.pageservers.at(-1);
    if (victim === undefined) throw new Error("no pageservers");
    await controller.configureNode(victim.id, { scheduling: "Pause" });
    if (how === "is offline") {
      env.storageController.allowedErrors.push(/Call to node.*management API.*failed/, /Reconcile error/);
      await victim.stop();
      await controller.configureNode(victim.id, { availability: "Offline" });
      await expect.poll(async () => (await attachedShards(env))[victim.id], { timeout: 10_000 }).toBe(0);
    }
    await controller.deleteNode(victim.id);
    await expect.poll(async () => (await attachedShards(env))[victim.id], { timeout: 10_000 }).toBe(0);
    await untilIdle(env);
    const check = async () => {
      expect((await controller.listNodes()).map(({ id }) => id).toSorted((a, b) => a - b)).toEqual([1, 2]);
      for (const tenantId of tenants) {
        for (const shard of (await controller.describeTenant(tenantId)).shards) {
          const places = [shard.node_attached, ...shard.node_secondary];
          expect(new Set(places)).toEqual(new Set([1, 2]));
        }
      }
      await controller.checkConsistency();
    };
    await check();
    await env.storageController.restart();
    await check();
  },
);

// covers: test_storage_controller.py::test_storage_controller_heartbeats
test("heartbeats find a pageserver that is gone, and tenants move off it", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder
    .with({ numPageservers: 2, storageControllerConfig: { maxOffline: "1s" } })
    .initStart();
  const controller = env.storageController.httpClient();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
  await env.waitForLastFlushLsn(endpoint);
  await endpoint.stop();
  const victim = await env.getTenantPageserver(env.initialTenant);
  env.storageController.allowedErrors.push(/Call to node.*management API.*failed/);
  await victim?.kill9();
  const availability = async () => (await controller.node(victim?.id ?? 0)).availability;
  await expect.poll(availability, { timeout: 20_000, interval: 100 }).toBe("Offline");
  await expect.poll(async () => (await attachedShards(env))[victim?.id ?? 0], { timeout: 10_000 }).toBe(0);
  await untilIdle(env);
  await endpoint.start();
  expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 1000 }]);
  await victim?.start();
  await expect.poll(availability, { timeout: 20_000, interval: 100 }).toBe("Active");
  await untilIdle(env);
  expect(await victim?.httpClient().listTenants()).toEqual([]);
  await controller.checkConsistency();
});

// covers: test_storage_controller.py::test_storage_controller_debug_apis
test(
  "what is only for emergencies leaves a controller in order",
  requires("secondaries"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numPageservers: 3 }).initStart();
    const controller = env.storageController.httpClient();
    const tenantId = TenantId.generate();
    await controller.createTenant({ tenantId, shardCount: 2, shardStripeSize: 8192 });
    expect(await controller.dumpShards()).toHaveLength(3);
    const { nodes } = await controller.dumpScheduler();
    expect(Object.keys(nodes).sort()).toEqual(["1", "2", "3"]);
    expect(Object.values(nodes).reduce((sum, node) => sum + node.shard_count, 0)).toBe(3);

    const [first, second] = [0, 1].map((shardNumber) => ({ tenantId, shardNumber, shardCount: 2 }));
    if (first === undefined || second === undefined) throw new Error("no shards");
    await controller.cancelReconcile(second);
    await controller.migrateSecondary(first, 3);
    expect((await controller.describeTenant(tenantId)).shards[0]?.node_secondary).toEqual([3]);

    await controller.dropNode(2);
    expect((await controller.listNodes()).map(({ id }) => id).toSorted((a, b) => a - b)).toEqual([1, 3]);
    await controller.dropTenant(tenantId);
    expect((await controller.dumpShards()).map((shard) => shard.tenant_shard_id)).toEqual([env.initialTenant]);
    await controller.checkConsistency();
  },
);

// covers: test_storage_controller.py::test_safekeeper_deployment_time_update
test("the controller remembers safekeepers, and what they are to be used for", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ createInitialTenant: false }).initStart();
  const controller = env.storageController.httpClient();
  expect(await controller.listSafekeepers()).toEqual([]);
  await expect(controller.safekeeper(5)).rejects.toMatchObject({ status: 404 });
  const safekeeper = {
    ...{ id: 5, region_id: "aws-us-east-2", host: "safekeeper-333.example", port: 6401, http_port: 7676 },
    ...{ version: 5957, availability_zone_id: "us-east-2b" },
  };
  // What Neon's own deployment sends besides.
  const extra = { active: true, created_at: "2023-10-25T09:11:25Z", updated_at: "2024-08-28T11:32:43Z" };
  await controller.upsertSafekeeper({ ...safekeeper, ...extra });
  expect(await controller.listSafekeepers()).toEqual([{ ...safekeeper, scheduling_policy: "Pause" }]);
  const otherId = controller.http.send("/control/v1/safekeeper/5", {
    method: "POST",
    body: { ...safekeeper, ...extra, id: 4 },
  });
  await expect(otherId).rejects.toMatchObject({ status: 400 });

  await controller.upsertSafekeeper({ ...safekeeper, ...extra, version: 5958 });
  for (let round = 0; round < 2; round += 1) await controller.setSafekeeperPolicy(5, "Decomissioned");
  await env.storageController.restart();
  expect(await controller.safekeeper(5)).toEqual({ ...safekeeper, version: 5958, scheduling_policy: "Decomissioned" });
});

// covers: test_storage_controller.py::test_storage_controller_passthrough
test("what one asks a pageserver one can ask the controller", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numPageservers: 2 }).initStart();
  const client = env.storageController.httpClient().asPageserver;
  const own = (await env.getTenantPageserver(env.initialTenant))?.httpClient();
  const ids = (timelines: readonly { timeline_id: string }[]) => timelines.map((each) => each.timeline_id);
  expect(ids(await client.listTimelines(env.initialTenant))).toEqual([env.initialTimeline]);
  const tenant = await client.tenant(env.initialTenant);
  expect(tenant).toMatchObject({ id: env.initialTenant, state: { slug: "Active" }, timelines: [env.initialTimeline] });
  expect(tenant.generation).toBe((await own?.tenant(env.initialTenant))?.generation);
  const size = await client.syntheticSize(env.initialTenant);
  expect(size.size).toBeGreaterThan(0);
  expect(size.inputs.segments.length).toBeGreaterThan(0);

  const timelineId = TimelineId.generate();
  await client.createTimeline(env.initialTenant, {
    new_timeline_id: timelineId,
    ancestor_timeline_id: env.initialTimeline,
  });
  expect(ids((await own?.listTimelines(env.initialTenant)) ?? []).sort()).toEqual(
    [env.initialTimeline, timelineId].sort(),
  );
  await env.storageController.httpClient().deleteTimeline(env.initialTenant, timelineId);
  expect(ids((await own?.listTimelines(env.initialTenant)) ?? [])).toEqual([env.initialTimeline]);
  await expect(client.listTimelines(TenantId.generate())).rejects.toMatchObject({ status: 404 });
  await expect(client.timelineDetail(env.initialTenant, timelineId)).rejects.toMatchObject({ status: 404 });
});

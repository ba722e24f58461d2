import { expect, requires, TenantId, test } from "../../fixtures";
import type { NeonEnv } from "../../fixtures";
import { untilIdle } from "./shards";

type Notification = Parameters<NonNullable<NeonEnv["computeHook"]["onNotify"]>>[0];

const LOCKED = 423;

/** What the hook is told from now on; while `refused` it refuses. */
function listen(env: NeonEnv): { told: Notification[]; refused: boolean } {
  const state = { told: [] as Notification[], refused: false };
  env.computeHook.onNotify = (notification) => {
    state.told.push(notification);
    return state.refused ? LOCKED : undefined;
  };
  return state;
}

function allowRefusals(env: NeonEnv): void {
  env.storageController.allowedErrors.push(
    /Failed to notify compute/,
    /Live migration blocked/,
    /Reconcile error/,
    /Call to node.*management API.*failed/,
    /Giving up on compute notification/,
  );
}

/** The pageserver that has the initial tenant, the other, and the tenant's only shard. */
async function placesOf(env: NeonEnv) {
  const home = await env.getTenantPageserver(env.initialTenant);
  const other = env.pageservers.find((each) => each !== home);
  if (home === undefined || other === undefined) throw new Error("the tenant is nowhere, or there is one pageserver");
  return { home, other, shard: { tenantId: env.initialTenant, shardNumber: 0, shardCount: 0 } };
}

// covers: test_storage_controller.py::test_storage_controller_compute_hook
test(
  "whoever looks after computes is told of moves, of restarts and of splits",
  requires("sharding"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numPageservers: 2 }).initStart();
    const { home, other } = await placesOf(env);
    const hook = listen(env);
    const controller = env.storageController.httpClient();
    const moved = { tenant_id: env.initialTenant, stripe_size: null, shards: [{ node_id: other.id, shard_number: 0 }] };
    await controller.configureNode(home.id, { availability: "Offline" });
    await expect.poll(() => hook.told.at(-1), { timeout: 10_000 }).toMatchObject(moved);
    await untilIdle(env);
    const before = hook.told.length;
    await env.storageController.restart();
    await expect.poll(() => hook.told.length, { timeout: 10_000 }).toBeGreaterThan(before);
    expect(hook.told.at(-1)).toMatchObject(moved);

    await controller.splitShards(env.initialTenant, { shardCount: 2 });
    await expect.poll(() => hook.told.at(-1)?.stripe_size, { timeout: 10_000 }).toBe(32768);
    expect(
      hook.told
        .at(-1)
        ?.shards.map((shard) => shard.shard_number)
        .sort(),
    ).toEqual([0, 1]);
  },
);

// covers: test_storage_controller.py::test_storage_controller_compute_hook
test("a tenant and its timeline are made although nobody takes the notification", async ({ neonSimpleEnv: env }) => {
  allowRefusals(env);
  const hook = listen(env);
  hook.refused = true;
  const { tenantId } = await env.createTenant();
  expect(hook.told.at(-1)?.tenant_id).toBe(tenantId);
  await env.storageController.httpClient().checkConsistency();
  hook.refused = false;
  await untilIdle(env);
});

// covers: test_storage_controller.py::test_storage_controller_compute_hook_retry
test(
  "a notification that was refused is pending, and sent again until it is taken",
  requires("secondaries"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numPageservers: 2, createInitialTenant: false }).initStart();
    allowRefusals(env);
    const controller = env.storageController.httpClient();
    const tenantId = TenantId.generate();
    await controller.createTenant({ tenantId, placementPolicy: { Attached: 1 } });
    await untilIdle(env);
    const hook = listen(env);
    hook.refused = true;
    const pending = async () => (await controller.describeTenant(tenantId)).shards[0]?.is_pending_compute_notification;
    expect(await pending()).toBe(false);
    const home = (await controller.describeTenant(tenantId)).shards[0]?.node_attached ?? 0;
    await env.getPageserver(home).stop();
    await controller.configureNode(home, { availability: "Offline" });
    await expect.poll(pending, { timeout: 10_000 }).toBe(true);
    const before = hook.told.length;
    await Promise.allSettled([controller.reconcileAll()]);
    await expect.poll(() => hook.told.length, { timeout: 10_000 }).toBeGreaterThan(before);
    expect(await pending()).toBe(true);
    hook.refused = false;
    await untilIdle(env);
    expect(await pending()).toBe(false);
    expect(hook.told.at(-1)?.shards.map((shard) => shard.node_id)).toEqual([home === 1 ? 2 : 1]);
  },
);

// covers: test_storage_controller.py::test_storage_controller_stuck_compute_hook
test(
  "a migration waits for the hook, but not where the origin is gone",
  requires("secondaries"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder
      .with({ numPageservers: 2, initialTenantConfig: { lsn_lease_length: "0s" } })
      .initStart();
    allowRefusals(env);
    const { home, other, shard } = await placesOf(env);
    const controller = env.storageController.httpClient();
    const hook = listen(env);
    hook.refused = true;
    const outcomes: string[] = [];
    const migrate = (to: number) =>
      controller.migrateShard(shard, to).then(
        () => void outcomes.push("done"),
        (error: unknown) => void outcomes.push(String(error)),
      );
    const there = migrate(other.id);
    await expect.poll(() => hook.told.at(-1)?.shards[0]?.node_id, { timeout: 10_000 }).toBe(other.id);
    // Both have it as long as computes may read from either.
    expect((await home.httpClient().location(env.initialTenant)).mode).toBe("AttachedStale");
    expect((await other.httpClient().location(env.initialTenant)).mode).toBe("AttachedMulti");
    expect(outcomes).toEqual([]);
    hook.refused = false;
    await there;
    expect(outcomes).toEqual(["done"]);
    await untilIdle(env);
    expect((await other.httpClient().location(env.initialTenant)).mode).toBe("AttachedSingle");

    hook.refused = true;
    const back = migrate(home.id);
    await expect.poll(() => hook.told.at(-1)?.shards[0]?.node_id, { timeout: 10_000 }).toBe(home.id);
    await other.stop();
    await controller.configureNode(other.id, { availability: "Offline" });
    await back;
    await Promise.allSettled([controller.reconcileAll()]);
    expect((await home.httpClient().location(env.initialTenant)).mode).toBe("AttachedSingle");
    hook.refused = false;
    await other.start();
    await untilIdle(env);
    expect(await other.httpClient().listTenants()).toEqual([]);
    await controller.checkConsistency();
  },
);

// covers: test_storage_controller.py::test_storage_controller_compute_hook_revert
test(
  "the way back is told, too, when the way there was never acknowledged",
  requires("secondaries"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder
      .with({ numPageservers: 2, initialTenantConfig: { lsn_lease_length: "0s" } })
      .initStart();
    allowRefusals(env);
    const { home, other, shard } = await placesOf(env);
    const controller = env.storageController.httpClient();
    const hook = listen(env);
    hook.refused = true;
    const there = controller.migrateShard(shard, other.id);
    await expect.poll(() => hook.told.at(-1)?.shards[0]?.node_id, { timeout: 10_000 }).toBe(other.id);
    // The controller gives up to notify when the origin can't be used any more.
    await home.stop();
    await controller.configureNode(home.id, { availability: "Offline" });
    await Promise.allSettled([there]);
    await home.start();
    await controller.configureNode(home.id, { availability: "Active" });
    await Promise.allSettled([controller.reconcileAll()]);
    hook.refused = false;
    await controller.migrateShard(shard, home.id);
    expect(hook.told.at(-1)?.shards[0]?.node_id).toBe(home.id);
    await untilIdle(env);
    await controller.checkConsistency();
  },
);

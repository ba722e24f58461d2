import { expect, TenantId, TenantShardId } from "../../fixtures";
import type { NeonEnv } from "../../fixtures";

/** Resolves when the storage controller has nothing left to reconcile. */
export async function untilIdle(env: NeonEnv): Promise<void> {
  const controller = env.storageController.httpClient();
  await expect.poll(() => controller.reconcileAll(), { timeout: 20_000, interval: 50 }).toBe(0);
}

/** New tenants without any timeline, each with a secondary for every shard where there are `secondaries`. */
export async function createTenants(
  env: NeonEnv,
  options: { tenants: number; shardCount?: number; secondaries?: number },
): Promise<TenantId[]> {
  const tenants = Array.from({ length: options.tenants }, () => TenantId.generate());
  for (const tenantId of tenants) {
    await env.storageController.httpClient().createTenant({
      tenantId,
      shardCount: options.shardCount ?? 0,
      placementPolicy: { Attached: options.secondaries ?? 0 },
    });
  }
  return tenants;
}

/** By pageserver, how many of all shards are meant to be attached there; every pageserver is named. */
export async function attachedShards(env: NeonEnv): Promise<Record<number, number>> {
  const counts: Record<number, number> = Object.fromEntries(env.pageservers.map(({ id }) => [id, 0]));
  for (const { intent } of await env.storageController.httpClient().dumpShards()) {
    if (intent.attached !== null) counts[intent.attached] = (counts[intent.attached] ?? 0) + 1;
  }
  return counts;
}

/** Downloads to every secondary what there is, so that none is too far behind for a move. */
export async function warmUp(env: NeonEnv): Promise<void> {
  for (const { tenant_shard_id: id, intent } of await env.storageController.httpClient().dumpShards()) {
    const shard = TenantShardId.parse(id);
    if (intent.attached !== null) await env.getPageserver(intent.attached).httpClient().uploadHeatmap(shard);
    for (const node of intent.secondary) {
      await env.getPageserver(node).httpClient().downloadSecondary(shard, { waitMs: 5_000 });
    }
  }
}

import { expect, requires, test } from "../fixtures";

test(
  "a tenant's shards stand on several pageservers, and a compute reads from all of them",
  requires("sharding"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder
      .with({ numPageservers: 2, numAzs: 2, initialTenantShardCount: 4, initialTenantShardStripeSize: 16 })
      .initStart();
    const controller = env.storageController.httpClient();
    const zones = new Set((await controller.listNodes()).map((node) => node.availability_zone_id));
    expect(zones).toEqual(new Set(["us-east-2a", "us-east-2b"]));
    const shards = await env.tenantShards(env.initialTenant);
    expect(shards.map(({ shard }) => [shard.shardNumber, shard.shardCount])).toEqual([
      [0, 4],
      [1, 4],
      [2, 4],
      [3, 4],
    ]);
    for (const { shard, pageserver } of shards) expect(await env.getTenantPageserver(shard)).toBe(pageserver);

    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select i, repeat('x', 500) as filler from generate_series(1, 5000) as i`;
    await env.waitForLastFlushLsn(endpoint);
    await endpoint.stop();
    await endpoint.start();
    expect(await endpoint.sql`select count(*)::int as n, sum(length(filler))::int as bytes from t`).toEqual([
      { n: 5000, bytes: 2_500_000 },
    ]);
    // Every shard has a part of the table.
    for (const { shard, pageserver } of shards) {
      const { current_physical_size: bytes } = await pageserver.httpClient().timelineDetail(shard, env.initialTimeline);
      expect(bytes).toBeGreaterThan(0);
    }
  },
);

// covers: test_change_pageserver.py::test_change_pageserver
test(
  "a running compute follows its tenant to another pageserver",
  requires("secondaries", "smgr"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numPageservers: 2 }).initStart();
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select generate_series(1, 10000) as i`;
    const shard = { tenantId: env.initialTenant, shardNumber: 0, shardCount: 0 };
    const origin = await env.getTenantPageserver(env.initialTenant);
    const target = env.pageservers.find((pageserver) => pageserver !== origin);
    if (origin === undefined || target === undefined)
      throw new Error("the tenant has no pageserver, or there is only one");
    const notified: number[] = [];
    env.computeHook.onNotify = ({ shards }) => void notified.push(...shards.map((each) => each.node_id));

    await env.storageController.httpClient().migrateShard(shard, target.id);
    expect(notified.at(-1)).toBe(target.id);
    expect(await endpoint.sql`show neon.pageserver_connstring`).toEqual([
      { "neon.pageserver_connstring": `postgresql://no_user@127.0.0.1:${target.pgPort}` },
    ]);
    await origin.stop();
    await endpoint.sql`insert into t values (0)`;
    expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 10001 }]);
  },
);

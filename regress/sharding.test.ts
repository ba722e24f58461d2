import { expect, requires, TenantShardId, test } from "../fixtures";

test(
  "a tenant's shards stand on several pageservers, and a compute starts from them",
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
  },
);

test(
  "a compute reads each page from the shard that has it, and every shard has some",
  requires("sharding", "smgr"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder
      .with({ numPageservers: 2, initialTenantShardCount: 4, initialTenantShardStripeSize: 16 })
      .initStart();
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select i, repeat('x', 500) as filler from generate_series(1, 5000) as i`;
    await endpoint.restart();
    const served = async (): Promise<number[]> => {
      const counts = (await env.tenantShards(env.initialTenant)).map(async ({ shard, pageserver }) => {
        const [, shardId = ""] = TenantShardId.format(shard).split("-");
        const labels = { shard_id: shardId, smgr_query_type: "get_page_at_lsn" };
        return (await pageserver.httpClient().metrics()).total("pageserver_smgr_query_started_count", labels);
      });
      return Promise.all(counts);
    };
    const before = await served();
    expect(await endpoint.sql`select sum(length(filler))::int as bytes from t`).toEqual([{ bytes: 2_500_000 }]);
    const read = (await served()).map((count, at) => count - (before[at] ?? 0));
    expect(read).toHaveLength(4);
    for (const pages of read) expect(pages).toBeGreaterThanOrEqual(16);
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

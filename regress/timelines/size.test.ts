import { expect, requires, test } from "../../fixtures";
import type { NeonEnv } from "../../fixtures";

async function logicalSize(env: NeonEnv): Promise<number> {
  const detail = await env.pageserver.httpClient().timelineDetail(env.initialTenant, env.initialTimeline, {
    includeNonIncrementalLogicalSize: true,
    forceAwaitInitialLogicalSize: true,
  });
  // What is counted along the way is what one counts at the end.
  expect(detail.current_logical_size).toBe(detail.current_logical_size_non_incremental);
  return detail.current_logical_size;
}

/** Of the layers on disk as the pageserver says, and as their list says. */
async function physicalSize(env: NeonEnv): Promise<number> {
  const client = env.pageserver.httpClient();
  const detail = await client.timelineDetail(env.initialTenant, env.initialTimeline);
  const { historic_layers: layers } = await client.layerMap(env.initialTenant, env.initialTimeline);
  const sum = layers.reduce((bytes, layer) => bytes + layer.layer_file_size, 0);
  expect(detail.current_physical_size).toBe(sum);
  return sum;
}

// covers: test_timeline_size.py::test_timeline_size
test("a timeline's logical size follows what a branch writes and truncates", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  const size = async () => {
    await env.waitForLastFlushLsn(endpoint);
    return logicalSize(env);
  };
  const before = await size();
  await endpoint.sql`create table t as select i, repeat('x', 100) as filler from generate_series(1, 5000) as i`;
  const written = await size();
  expect(written - before).toBeGreaterThan(5000 * 100);
  await endpoint.sql`truncate t`;
  const truncated = await size();
  expect(written - truncated).toBeGreaterThan(5000 * 100);
  await endpoint.stop();
  await env.pageserver.restart();
  expect(await logicalSize(env)).toBe(truncated);
});

// covers: test_timeline_size.py::test_timeline_size_createdropdb
test("a database adds to the logical size, and takes it along when it is dropped", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  const size = async () => {
    await env.waitForLastFlushLsn(endpoint);
    return logicalSize(env);
  };
  const before = await size();
  await endpoint.query("create database other");
  const created = await size();
  // A new database is a copy of template1, more than 5 MB.
  expect(created - before).toBeGreaterThan(5_000_000);
  await endpoint.query("drop database other");
  expect((await size()) - before).toBeLessThan(1_000_000);
});

// covers: test_timeline_size.py::test_timeline_physical_size_init, test_timeline_size.py::test_timeline_physical_size_post_checkpoint, test_timeline_size.py::test_timeline_physical_size_post_compaction
test(
  "a timeline's physical size is that of its layers, whatever happens to them",
  requires("testing"),
  async ({ neonEnvBuilder }) => {
    const config = { compaction_period: "0s", gc_period: "0s", compaction_threshold: 3 };
    const env = await neonEnvBuilder.with({ initialTenantConfig: config }).initStart();
    const client = env.pageserver.httpClient();
    const initial = await physicalSize(env);
    const endpoint = await env.endpoints.createStart("main");
    for (let round = 0; round < 3; round += 1) {
      await endpoint.query(`create table t${round} as select generate_series(1, 3000) as i`);
      await env.waitForUpload(endpoint);
    }
    await endpoint.stop();
    expect(await physicalSize(env)).toBeGreaterThan(initial);
    const names = async () => {
      const { historic_layers: layers } = await client.layerMap(env.initialTenant, env.initialTimeline);
      return new Set(layers.map((layer) => layer.layer_file_name));
    };
    const flushed = await names();
    await client.compact(env.initialTenant, env.initialTimeline, { forceL0Compaction: true });
    const compacted = await physicalSize(env);
    expect(await names()).not.toEqual(flushed);
    await env.pageserver.restart();
    // What the compute wrote at its end may have come after the compaction.
    expect(await physicalSize(env)).toBeGreaterThanOrEqual(compacted);
  },
);

// covers: test_timeline_size.py::test_timeline_physical_size_post_gc
test(
  "what garbage collection removes is taken off the physical size",
  requires("testing"),
  async ({ neonEnvBuilder }) => {
    const config = {
      ...{ compaction_period: "0s", gc_period: "0s", pitr_interval: "0s", gc_horizon: 0 },
      ...{ compaction_threshold: 1, image_creation_threshold: 1 },
      lsn_lease_length: "0s",
    };
    const env = await neonEnvBuilder.with({ initialTenantConfig: config }).initStart();
    const client = env.pageserver.httpClient();
    const endpoint = await env.endpoints.createStart("main");
    const images = { forceL0Compaction: true, forceImageLayerCreation: true, forceRepartition: true };
    for (let round = 0; round < 3; round += 1) {
      await endpoint.sql`drop table if exists t`;
      await endpoint.sql`create table t as select generate_series(1, 5000) as i`;
      await env.waitForUpload(endpoint);
      // What an image stands for can go when the cutoff is behind it: so something has to come after the image, too.
      if (round < 2) await client.compact(env.initialTenant, env.initialTimeline, images);
    }
    await endpoint.stop();
    const before = await physicalSize(env);
    const { layers_removed: removed } = await client.collectGarbage(env.initialTenant, env.initialTimeline, {
      gcHorizon: 0,
    });
    expect(removed).toBeGreaterThan(0);
    expect(await physicalSize(env)).toBeLessThan(before);
  },
);

// covers: test_timeline_size.py::test_timeline_size_metrics, test_timeline_size.py::test_tenant_physical_size
test("the metrics of a timeline's size say what the API says", requires("testing"), async ({ neonSimpleEnv: env }) => {
  const client = env.pageserver.httpClient();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 5000) as i`;
  await env.waitForUpload(endpoint);
  await endpoint.stop();
  const logical = await logicalSize(env);
  const physical = await physicalSize(env);
  const labels = { tenant_id: env.initialTenant, timeline_id: env.initialTimeline };
  const metrics = await client.metrics();
  expect(metrics.value("pageserver_current_logical_size", labels)).toBe(logical);
  expect(metrics.value("pageserver_resident_physical_size", labels)).toBe(physical);
  const { current_physical_size: ofTenant } = await client.tenant(env.initialTenant);
  expect(ofTenant).toBe(physical);
});

// covers: test_timeline_size.py::test_timeline_size_quota
test(
  "a timeline over its quota takes no more rows, until some are gone",
  requires("neon_extension"),
  async ({ neonSimpleEnv: env }) => {
    const endpoint = await env.endpoints.createStart("main", { configLines: ["neon.max_cluster_size = '30MB'"] });
    await endpoint.sql`create extension neon`;
    await endpoint.sql`create table t (filler text)`;
    const fill = async () => {
      for (let round = 0; round < 20; round += 1) {
        await endpoint.sql`insert into t select repeat('x', 1000) from generate_series(1, 1000)`;
        await env.waitForLastFlushLsn(endpoint);
      }
    };
    await expect(fill()).rejects.toThrow(/project size limit/);
    await endpoint.sql`drop table t`;
    await env.waitForLastFlushLsn(endpoint);
    const insert = () =>
      endpoint.sql`create table u as select 1 as i`.then(
        () => "inserted",
        (error: unknown) => String(error),
      );
    await expect.poll(insert, { timeout: 20_000 }).toBe("inserted");
  },
);

// covers: test_timeline_size.py::test_timeline_size_quota_on_startup
test(
  "a quota holds from the first statement of a compute",
  requires("neon_extension"),
  async ({ neonSimpleEnv: env }) => {
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select repeat('x', 1000) as filler from generate_series(1, 20000)`;
    await env.waitForLastFlushLsn(endpoint);
    await endpoint.stop();
    const limited = await env.endpoints.createStart("main", { configLines: ["neon.max_cluster_size = '25MB'"] });
    const grow = () => limited.sql`insert into t select * from t limit 1000`;
    await expect(grow()).rejects.toThrow(/project size limit/);
    expect(await limited.sql`select count(*)::int as n from t`).toEqual([{ n: 20000 }]);
  },
);

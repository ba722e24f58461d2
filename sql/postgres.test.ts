import { compareDataDirectory, expect, requires, tableDigests, test } from "../fixtures";
import type { Endpoint, NeonEnv, NeonEnvBuilder } from "../fixtures";

const MEBIBYTE = 1024 * 1024;
/** Layers so small that the tests' data is flushed, compacted and read from many of them. */
const SMALL_LAYERS = {
  pitr_interval: "60s",
  checkpoint_distance: 8 * MEBIBYTE,
  compaction_target_size: 8 * MEBIBYTE,
};
const SHARDS = 4;
/** In pages: small, so that also a small table stands on all shards. */
const STRIPE = 16;
/** Tables of the core tests, which clean up only a part of them. */
const LEFT_BEHIND = 100;
const timeout = 900_000;
const title = "PostgreSQL's tests";

// covers: test_pg_regress.py::test_pg_regress
test("PostgreSQL's core regression tests pass", { timeout }, async ({ neonEnvBuilder, regressSuite, tellRow }) => {
  const core = await regressSuite("core");
  const env = await start(neonEnvBuilder);
  const endpoint = await env.endpoints.createStart("main", { configLines: core.suite.configLines });
  tellRow({ title, name: "core", cells: await core.run(endpoint) });
  expect(await storageHasAllOf(env, endpoint, core.suite.database)).toBeGreaterThan(LEFT_BEHIND);
});

// covers: test_pg_regress.py::test_pg_regress
test(
  "PostgreSQL's core regression tests pass on a tenant of four shards",
  { timeout, ...requires("sharding") },
  async ({ neonEnvBuilder, regressSuite, tellRow }) => {
    const core = await regressSuite("core");
    const env = await startSharded(neonEnvBuilder);
    const endpoint = await env.endpoints.createStart("main", { configLines: core.suite.configLines });
    tellRow({ title, name: "core, four shards", cells: await core.run(endpoint) });
    expect(await storageHasAllOf(env, endpoint, core.suite.database)).toBeGreaterThan(LEFT_BEHIND);
  },
);

// covers: test_pg_regress.py::test_isolation
test("PostgreSQL's isolation tests pass", { timeout }, async ({ neonEnvBuilder, regressSuite, tellRow }) => {
  const isolation = await regressSuite("isolation");
  const env = await start(neonEnvBuilder);
  const endpoint = await env.endpoints.createStart("main", { configLines: isolation.suite.configLines });
  tellRow({ title, name: "isolation", cells: await isolation.run(endpoint) });
});

// covers: test_pg_regress.py::test_sql_regress
test(
  "Neon's own SQL tests pass",
  { timeout, ...requires("neon_extension") },
  async ({ neonEnvBuilder, regressSuite, tellRow }) => {
    const neon = await regressSuite("neon");
    const env = await start(neonEnvBuilder);
    const endpoint = await env.endpoints.createStart("main", { configLines: neon.suite.configLines });
    tellRow({ title, name: "Neon's own", cells: await neon.run(endpoint) });
    await storageHasAllOf(env, endpoint, neon.suite.database);
  },
);

const start = (builder: NeonEnvBuilder): Promise<NeonEnv> =>
  builder.with({ initialTenantConfig: SMALL_LAYERS }).initStart();

const startSharded = (builder: NeonEnvBuilder): Promise<NeonEnv> =>
  start(
    builder.with({
      numPageservers: SHARDS,
      initialTenantShardCount: SHARDS,
      initialTenantShardStripeSize: STRIPE,
    }),
  );

/**
 * What the pageservers make of the WAL is what the compute had, and it still is after compaction and collection. Returns
 * how many tables were compared.
 */
async function storageHasAllOf(env: NeonEnv, endpoint: Endpoint, database: string): Promise<number> {
  const before = await tableDigests(endpoint, database);
  const shards = await env.tenantShards(env.initialTenant);
  const [first] = shards;
  if (first !== undefined) await compareDataDirectory(endpoint, first.pageserver);
  for (const { shard, pageserver } of shards) {
    const client = pageserver.httpClient();
    await client.checkpoint(shard, env.initialTimeline, { forceRepartition: true, forceImageLayerCreation: true });
    await client.collectGarbage(shard, env.initialTimeline);
  }
  await endpoint.start();
  expect(await tableDigests(endpoint, database)).toEqual(before);
  return before.size;
}

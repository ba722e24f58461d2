import { benchmarkNeon, scaled } from "../fixtures";

const LAYERS = scaled(40);
const ROWS = 2_000;

/** Many small layers, then a query that has to look through them. */
benchmarkNeon("layer map", { diskMb: 20 * LAYERS, memoryMb: 700 }, async ({ system, benchmark }) => {
  benchmark.with({ layers: LAYERS });
  await system.query("create table t (x integer)");
  await benchmark.recordDuration("fill", async () => {
    for (let layer = 0; layer < LAYERS; layer += 1) {
      await system.query(`insert into t values (generate_series(1, ${ROWS}))`);
      await system.flush();
    }
  });
  await system.recordSize(benchmark);
  await benchmark.measure("query", async () => void (await system.query("select count(*) from t")));
  await benchmark.measure(
    "restart and query",
    async () => {
      await system.restart();
      await system.query("select count(*) from t");
    },
    { repetitions: 3 },
  );
});

/** Merging what updates have left, on request. */
benchmarkNeon("compaction", { diskMb: 500, memoryMb: 700 }, async ({ system, benchmark }) => {
  const rows = scaled(50_000);
  benchmark.with({ rows });
  await system.query(`create table t as select i, 0 as n from generate_series(1, ${rows}) i`);
  for (let round = 0; round < 10; round += 1) {
    await system.query("update t set n = n + 1");
    await system.flush();
  }
  await system.recordSize(benchmark);
  await benchmark.recordDuration("compaction", () => system.compact());
  const { env, endpoint } = system;
  const { tenantId, timelineId } = endpoint.settings;
  const client = env.pageserver.httpClient();
  await benchmark.recordDuration("image creation", async () =>
    client.compact(tenantId, timelineId, { forceImageLayerCreation: true, waitUntilUploaded: true }),
  );
  const { historic_layers: layers } = await client.layerMap(tenantId, timelineId);
  benchmark.record("layers afterwards", layers.length, "files", "lower");
});

/** Updates, garbage collection and compaction in turn: what is kept should not grow with what was written. */
benchmarkNeon("gc feedback", { diskMb: 500, memoryMb: 700 }, async ({ system, benchmark }) => {
  const [rows, rounds] = [scaled(40_000), 8];
  benchmark.with({ rows, rounds });
  const { env, endpoint } = system;
  const { tenantId, timelineId } = endpoint.settings;
  const client = env.pageserver.httpClient();
  await env.configTenant(tenantId, { gc_period: "0s", compaction_period: "0s", pitr_interval: "0s" });
  await system.query(
    `create table t as select i, 0 as n, repeat('x', 60) as filler from generate_series(1, ${rows}) i`,
  );
  const gc = async (): Promise<void> =>
    void (await client.collectGarbage(tenantId, timelineId, { gcHorizon: 1024 * 1024 }));
  for (let round = 0; round < rounds; round += 1) {
    await system.query(`update t set n = n + 1 where i % ${rounds} = ${round}`);
    await system.flush();
    await system.compact();
    await benchmark.recordDuration("gc", gc);
  }
  const detail = await client.timelineDetail(tenantId, timelineId, { includeNonIncrementalLogicalSize: true });
  const logical = detail.current_logical_size_non_incremental ?? detail.current_logical_size;
  const { historic_layers: layers } = await client.layerMap(tenantId, timelineId);
  const physical = layers.reduce((sum, layer) => sum + layer.layer_file_size, 0);
  benchmark.record("logical size", logical / 1024 / 1024, "MB", "lower");
  benchmark.record("physical size", physical / 1024 / 1024, "MB", "lower");
  benchmark.record("physical / logical", physical / logical, "×", "lower");
  benchmark.record("layers", layers.length, "files", "lower");
});

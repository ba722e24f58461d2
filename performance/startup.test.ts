import { benchmarkNeon, scaled } from "../fixtures";

/** What compute_ctl says of its own start, in ms. */
const PHASES = [
  ...(["wait_for_spec_ms", "sync_safekeepers_ms", "sync_sk_check_ms", "basebackup_ms", "start_postgres_ms"] as const),
  ...(["config_ms", "total_startup_ms"] as const),
] as const;

benchmarkNeon("start-up", { diskMb: 200, memoryMb: 700 }, async ({ system, benchmark }) => {
  const rows = scaled(10_000);
  benchmark.with({ rows });
  const { endpoint } = system;
  await system.query(`create table t as select generate_series(1, ${rows}) as i`);
  for (let round = 0; round < 5; round += 1) {
    await endpoint.stop();
    await benchmark.recordDuration("start and select", async () => {
      await endpoint.start();
      await endpoint.query("select count(*) from t");
    });
    const metrics = await endpoint.httpClient().startMetrics();
    for (const phase of PHASES) {
      const name = `compute_ctl: ${phase.replace(/_ms$/, "").replaceAll("_", " ")}`;
      benchmark.record(name, metrics[phase], "ms", "lower");
    }
    benchmark.record("basebackup", metrics.basebackup_bytes, "bytes", "lower");
  }
});

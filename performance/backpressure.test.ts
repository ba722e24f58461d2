import { introduce, Latencies, NeonSystem, recordFlush, scaled, test } from "../fixtures";

const ROWS = scaled(300_000);

/** How far the pageserver may lag behind before Postgres waits for it. */
for (const limit of ["5MB", "500MB"]) {
  test(
    `WAL backpressure, write lag up to ${limit} [neon]`,
    { meta: { benchmarkNeeds: { diskMb: 500, memoryMb: 900 }, requires: ["neon_extension"] } },
    async ({ benchmark, neonSimpleEnv: env }) => {
      benchmark.with({ rows: ROWS, limit });
      const configLines = [`max_replication_write_lag=${limit}`];
      const endpoint = await env.endpoints.createStart("main", { configLines });
      const system = await introduce(new NeonSystem(env, endpoint), benchmark);
      await system.query("create schema if not exists neon");
      await system.query("create extension if not exists neon with schema neon");
      await system.query("create table t (i integer, filler text)");
      const observer = await system.connect({ recorded: false });
      const [lags, latencies] = [new Latencies(), new Latencies()];
      const writing = { isDone: false };
      const observe = async (): Promise<void> => {
        while (!writing.isDone) {
          const begin = performance.now();
          const [row] = await observer.query(
            "select pg_wal_lsn_diff(pg_current_wal_flush_lsn(), received_lsn)::float8 as lag from neon.backpressure_lsns()",
          );
          latencies.add(performance.now() - begin);
          lags.add(Number(row?.["lag"]) / 1024 / 1024);
        }
      };
      const write = async (): Promise<void> => {
        try {
          await system.query(`insert into t select i, repeat('x', 80) from generate_series(1, ${ROWS}) i`);
        } finally {
          writing.isDone = true;
        }
      };
      await benchmark.recordDuration("write", async () => void (await Promise.all([write(), observe()])));
      await recordFlush(benchmark, system, "the pageserver catches up");
      await observer.close();
      benchmark.record("write lag average", lags.summary().mean, "MB", "lower");
      benchmark.record("write lag most", lags.summary().most, "MB", "lower");
      benchmark.record("query latency average", latencies.summary().mean, "ms", "lower");
      benchmark.record("query latency most", latencies.summary().most, "ms", "lower");
    },
  );
}

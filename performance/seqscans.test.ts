import { benchmarkOn, scaled } from "../fixtures";

/** A table that fits into the buffers of no one, and a small one that is read over and over. */
const CASES = [
  { rows: scaled(400_000), scans: 1, workers: 0 },
  { rows: scaled(400_000), scans: 1, workers: 2 },
  { rows: scaled(20_000), scans: 20, workers: 0 },
] as const;

for (const { rows, scans, workers } of CASES) {
  const name = `sequential scan, ${scans === 1 ? "large" : "small"} table, ${workers} workers`;
  benchmarkOn(name, { diskMb: rows / 4_000, memoryMb: 700 }, async ({ system, benchmark }) => {
    benchmark.with({ rows, scans, workers });
    const session = await system.connect();
    await session.query("create table t (i integer)");
    await session.query(`insert into t select generate_series(1, ${rows})`);
    await session.query(`set max_parallel_workers_per_gather = ${workers}`);
    const [size] = await session.query("select pg_relation_size('t')::int as bytes");
    benchmark.record("table size", Number(size?.["bytes"]), "bytes", "parameter");
    await benchmark.measure("run", async () => {
      for (let scan = 0; scan < scans; scan += 1) await session.query("select count(*) from t");
    });
    await session.close();
  });
}

import { benchmarkOn, recordFlush, recordUsage, scaled, walPosition, walWrittenMb } from "../fixtures";

const ROWS = scaled(300_000);

benchmarkOn("bulk insert", { diskMb: ROWS / 2_000, memoryMb: 700 }, async ({ system, benchmark }) => {
  benchmark.with({ rows: ROWS });
  await system.query("create table huge (i int, j int)");
  const insert = `insert into huge select i, i from generate_series(1, ${ROWS}) i`;
  const before = async (): Promise<void> => void (await system.query("truncate huge"));
  const begin = await walPosition(system);
  await recordUsage(benchmark, system, async () => {
    await benchmark.measure("insert", async () => void (await system.query(insert)), { before });
    await recordFlush(benchmark, system);
    if (system.name === "neon") await benchmark.recordDuration("compaction", () => system.compact());
  });
  benchmark.record("wal written", await walWrittenMb(system, begin), "MB", "lower");
  await system.recordSize(benchmark);
});

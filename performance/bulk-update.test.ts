import { benchmarkOn, recordFlush, recordUsage, scaled } from "../fixtures";

const ROWS = scaled(60_000);

for (const fillfactor of [10, 50, 100]) {
  benchmarkOn(
    `bulk update, fillfactor ${fillfactor}`,
    { diskMb: ROWS / 50, memoryMb: 700 },
    async ({ system, benchmark }) => {
      benchmark.with({ rows: ROWS, fillfactor });
      await system.query(`create table t (x integer) with (fillfactor = ${fillfactor})`);
      await recordUsage(benchmark, system, async () => {
        await benchmark.recordDuration("insert", async () => {
          await system.query(`insert into t values (generate_series(1, ${ROWS}))`);
        });
        await system.query("vacuum t");
        await benchmark.measure("update", async () => void (await system.query("update t set x = x + 1")), {
          before: async () => void (await system.query("vacuum t")),
          repetitions: 3,
        });
        await benchmark.recordDuration("delete", async () => void (await system.query("delete from t")));
      });
      await recordFlush(benchmark, system);
    },
  );
}

import { benchmarkOn, NeonSystem, scaled } from "../fixtures";

const ROWS = scaled(100_000);

benchmarkOn(
  "restart",
  { diskMb: 100, memoryMb: 700 },
  async ({ system, benchmark }) => {
    benchmark.with({ rows: ROWS });
    await system.query(`create table t as select i, md5(i::text) as filler from generate_series(1, ${ROWS}) i`);
    await system.flush();
    await benchmark.measure("restart and select", async () => {
      await system.restart();
      await system.query("select count(*) from t");
    });
    if (!(system instanceof NeonSystem)) return;
    const { pageserver } = system.env;
    await benchmark.measure("pageserver restart", () => pageserver.restart(), { repetitions: 3 });
  },
  ["neon", "vanilla"],
);

import { benchmarkOn, randomFrom, recordUsage, scaled } from "../fixtures";

const ROWS = scaled(200_000);
const WRITES = scaled(2_000);

benchmarkOn("random writes", { diskMb: ROWS / 1_000, memoryMb: 700 }, async ({ system, benchmark }) => {
  benchmark.with({ rows: ROWS, writes: WRITES });
  const random = randomFrom(1);
  const session = await system.connect({ recorded: false });
  await benchmark.recordDuration("init", async () => {
    await session.query("create table big (pk integer primary key, count integer default 0)");
    await session.query(`insert into big (pk) select generate_series(1, ${ROWS})`);
  });
  await system.flush();
  await recordUsage(benchmark, system, async () => {
    await benchmark.measure("run", async () => {
      await session.query("begin");
      for (let write = 0; write < WRITES; write += 1) {
        await session.query(`update big set count = count + 1 where pk = ${1 + random(ROWS)}`);
      }
      await session.query("commit");
    });
  });
  await session.close();
  await system.recordSize(benchmark);
});

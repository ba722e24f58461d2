import { benchmarkOn, scaled } from "../fixtures";

const UPDATES = scaled(50_000);
const ROWS = scaled(50_000);

/** One row that is updated very often: its page's history is long, and reading it takes all of that. */
benchmarkOn("hot page", { diskMb: 200, memoryMb: 700 }, async ({ system, benchmark }) => {
  benchmark.with({ updates: UPDATES });
  const session = await system.connect();
  await session.query("create table t (value integer, filler text)");
  await session.query("insert into t values (0, 'x')");
  await benchmark.recordDuration("write", async () => {
    // In one transaction every version would stay, and each update would have to pass them all.
    const body = `update t set value = value + 1; if i % 100 = 0 then commit; end if;`;
    await session.query(`do $$ begin for i in 1 .. ${UPDATES} loop ${body} end loop; end $$`);
  });
  await session.close();
  await system.flush();
  await benchmark.measure("read", async () => void (await system.query("select * from t")));
});

/** A table whose rows were all updated several times, read after it. */
benchmarkOn("hot table", { diskMb: 200, memoryMb: 700 }, async ({ system, benchmark }) => {
  benchmark.with({ rows: ROWS });
  const session = await system.connect();
  await session.query("create table t (i integer primary key, c integer default 0)");
  await session.query(`insert into t (i) select generate_series(1, ${ROWS})`);
  await benchmark.recordDuration("write", async () => {
    for (let round = 0; round < 4; round += 1) await session.query("update t set c = c + 1");
  });
  await session.close();
  await system.flush();
  await benchmark.measure("read", async () => void (await system.query("select sum(c) from t")));
});

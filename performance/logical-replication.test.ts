import { pollUntil, scaled, test } from "../fixtures";

const ROWS = scaled(100_000);

test(
  "logical replication [neon]",
  { meta: { benchmarkNeeds: { diskMb: 300, memoryMb: 900 } } },
  async ({ benchmark, neonCompare: publisher, vanillaPg: subscriber }) => {
    benchmark.with({ rows: ROWS });
    await subscriber.start();
    await publisher.query("create table t (pk integer primary key, val integer)");
    await publisher.query(`insert into t select i, i from generate_series(1, ${ROWS}) i`);
    await publisher.query("create publication pub for table t");
    await subscriber.query("create table t (pk integer primary key, val integer)");
    const arrived = async (rows: number): Promise<void> => {
      const probe = async (): Promise<boolean> => {
        const [row] = await subscriber.query("select count(*)::int as rows from t");
        return row?.["rows"] === rows;
      };
      await pollUntil(`${rows} rows at the subscriber`, probe, { budgetMs: 120_000, intervalMs: 10 });
    };
    await benchmark.recordDuration("initial sync lag", async () => {
      await subscriber.query(`create subscription sub connection '${publisher.connstr}' publication pub`);
      await arrived(ROWS);
    });
    let rows = ROWS;
    await benchmark.measure("replica lag, one row", async () => {
      rows += 1;
      await publisher.query(`insert into t values (${rows}, 0)`);
      await arrived(rows);
    });
    const batch = Math.ceil(ROWS / 10);
    await benchmark.measure(
      `replica lag, ${batch} rows`,
      async () => {
        await publisher.query(`insert into t select i, i from generate_series(${rows + 1}, ${rows + batch}) i`);
        rows += batch;
        await arrived(rows);
      },
      { repetitions: 3 },
    );
    await subscriber.query("drop subscription sub");
  },
);

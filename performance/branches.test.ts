import { benchmarkNeon, scaled } from "../fixtures";

const BRANCHES = scaled(20);

/** Branches of a tenant that is written to, one after the other. */
benchmarkNeon("branch creation under writes", { diskMb: 500, memoryMb: 700 }, async ({ system, benchmark }) => {
  benchmark.with({ branches: BRANCHES });
  const { env } = system;
  const writer = await system.connect({ recorded: false });
  await writer.query("create table t (i integer, filler text)");
  const writing = { isDone: false };
  const write = async (): Promise<void> => {
    while (!writing.isDone)
      await writer.query("insert into t select i, repeat('x', 80) from generate_series(1, 2000) i");
  };
  const branch = async (): Promise<void> => {
    try {
      for (let number = 0; number < BRANCHES; number += 1) {
        await benchmark.recordDuration("create branch", () => env.createBranch(`busy-${number}`));
      }
    } finally {
      writing.isDone = true;
    }
  };
  await benchmark.turn();
  await benchmark.inOneTurn(() => Promise.all([write(), branch()]));
  await writer.close();
});

/** Many branches of a tenant that nobody writes to; then what they cost a pageserver that starts. */
benchmarkNeon("many branches", { diskMb: 500, memoryMb: 700 }, async ({ system, benchmark }) => {
  const count = scaled(60);
  benchmark.with({ branches: count });
  const { env } = system;
  await system.query("create table t as select generate_series(1, 1000) as i");
  await system.flush();
  for (let number = 0; number < count; number += 1) {
    await benchmark.recordDuration("create branch", () => env.createBranch(`branch-${number}`));
  }
  await benchmark.measure("pageserver restart", () => env.pageserver.restart(), { repetitions: 3 });
  const endpoint = await benchmark.recordDuration("start on the last branch", () =>
    env.endpoints.createStart(`branch-${count - 1}`),
  );
  await benchmark.recordDuration("first query there", () => endpoint.query("select sum(i) from t"));
});

/** A branch against its root, by the same load. */
benchmarkNeon("root and branch", { diskMb: 300, memoryMb: 900 }, async ({ system, benchmark }) => {
  const rows = scaled(100_000);
  benchmark.with({ rows });
  await system.query(`create table t as select i, 0 as n from generate_series(1, ${rows}) i`);
  await system.flush();
  await system.env.createBranch("child");
  const child = await system.env.endpoints.createStart("child");
  const update = "update t set n = n + 1";
  await benchmark.measure("root: update", async () => void (await system.query(update)), { repetitions: 3 });
  await benchmark.measure("branch: update", async () => void (await child.query(update)), { repetitions: 3 });
});

import { expect, randomFrom, test } from "../../fixtures";
import type { Safekeeper } from "../../fixtures";

type Two = [Safekeeper, Safekeeper];

// covers: test_wal_acceptor_async.py::test_unavailability
test("of two safekeepers both are needed: commits wait while either is away", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 2 }).initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  for (const [index, victim] of (env.safekeepers as Two).entries()) {
    await victim.stop();
    await using session = await endpoint.connect();
    let done = false;
    const commit = session.query("insert into t values ($1)", [index]).then(() => (done = true));
    await endpoint.waitForBlockedCommit();
    expect(done).toBe(false);
    await victim.start();
    await commit;
  }
  await endpoint.sql`insert into t values (2)`;
  expect(await endpoint.sql`select i from t order by i`).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }]);
});

// covers: test_wal_acceptor_async.py::test_race_conditions
test("random safekeepers, all of them at times, go away and come back under load", async ({ neonEnvBuilder, seed }) => {
  const random = randomFrom(seed);
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int primary key)`;
  await using session = await endpoint.connect();
  let stop = false;
  let acknowledged = 0;
  const write = async (): Promise<void> => {
    while (!stop) {
      await session.query("insert into t values ($1)", [acknowledged]);
      acknowledged += 1;
    }
  };
  const writing = write();
  try {
    for (let round = 0; round < 5; round += 1) {
      const victims = env.safekeepers.filter(() => round === 2 || random(2) === 0);
      await Promise.all(victims.map((sk) => (random(2) === 0 ? sk.stop() : sk.kill9())));
      await Promise.all(victims.map((sk) => sk.start()));
      const goal = acknowledged + 20;
      await expect.poll(() => acknowledged, { timeout: 30_000 }).toBeGreaterThanOrEqual(goal);
    }
  } finally {
    stop = true;
    await writing;
  }
  await endpoint.restart();
  const rows = await endpoint.sql`select count(*)::int as n, max(i) from t`;
  expect(rows).toEqual([{ n: acknowledged, max: acknowledged - 1 }]);
});

// covers: test_wal_acceptor_async.py::test_wal_lagging
test("each start with another majority continues where the last one ended", async ({ neonEnvBuilder, seed }) => {
  const random = randomFrom(seed);
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  let rows = 0;
  for (let round = 0; round < 3; round += 1) {
    await endpoint.stop();
    const away = env.safekeepers[random(3)] as Safekeeper;
    await away.stop();
    await endpoint.start();
    for (let i = 0; i < 20; i += 1) await endpoint.query("insert into t values ($1)", [(rows += 1)]);
    await away.start();
  }
  await endpoint.restart();
  expect(await endpoint.sql`select count(*)::int as n, max(i) from t`).toEqual([{ n: rows, max: rows }]);
});

// covers: test_wal_acceptor.py::test_replace_safekeeper
test("a dead safekeeper is replaced by a new one, and then another may die", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 4 }).initStart();
  const [first, second, , fourth] = env.safekeepers as [Safekeeper, Safekeeper, Safekeeper, Safekeeper];
  await fourth.stop();
  const endpoint = await env.endpoints.createStart("main", { safekeepers: [1, 2, 3] });
  await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
  await first.kill9();
  await endpoint.sql`insert into t values (-1)`;
  await endpoint.stopAndDestroy();

  await fourth.start();
  const next = await env.endpoints.createStart("main", { safekeepers: [2, 3, 4] });
  await next.sql`insert into t values (-2)`;
  await second.kill9();
  await next.sql`insert into t values (-3)`;
  await next.restart();
  expect(await next.sql`select count(*)::int as n, min(i) from t`).toEqual([{ n: 1003, min: -3 }]);
});

// covers: test_wal_acceptor_async.py::test_compute_restarts
test("a new compute for every statement finds what the others did", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const inNewCompute = async (sql: string): Promise<Record<string, unknown>[]> => {
    const endpoint = await env.endpoints.createStart("main");
    const rows = await endpoint.query(sql);
    await endpoint.stopAndDestroy();
    return rows;
  };
  await inNewCompute("create table t (i int)");
  let [count, sum] = [0, 0];
  for (let round = 0; round < 2; round += 1) {
    await inNewCompute("insert into t select 1 from generate_series(1, 1000)");
    count += 1000;
    sum += 1000 + count;
    await inNewCompute("update t set i = i + 1");
    const rows = await inNewCompute("select count(*)::int as n, sum(i)::int from t");
    expect(rows).toEqual([{ n: count, sum }]);
  }
});

// covers: test_wal_acceptor_async.py::test_concurrent_computes
test("of many computes at once none loses what it acknowledged, and the last one goes on", async ({
  neonEnvBuilder,
}) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const first = await env.endpoints.createStart("main");
  await first.sql`create table t (i int)`;
  await first.stop();
  const acknowledged: number[] = [];
  const contend = async (index: number): Promise<void> => {
    const endpoint = await env.endpoints.create("main", { allowMultiple: true });
    try {
      await endpoint.start({ budgetMs: 15_000 });
      await using session = await endpoint.connect({ statementTimeoutMs: 5_000 });
      await session.query("insert into t values ($1)", [index]);
      acknowledged.push(index);
    } catch (error) {
      // Another one was elected meanwhile: this one may not even have started.
      expect(String(error)).not.toMatch(/does not exist|duplicate/);
    } finally {
      await endpoint.kill9();
    }
  };
  await Promise.all([0, 1, 2].map(contend));
  await Promise.all([3, 4].map(contend));
  // Whoever was elected last had nobody to fear.
  expect(acknowledged.length).toBeGreaterThan(0);
  await first.start();
  await first.sql`insert into t values (100)`;
  const found = (await first.sql`select i from t`).map(({ i }) => i);
  expect(found).toEqual(expect.arrayContaining([...acknowledged, 100]));
  expect(new Set(found).size).toBe(found.length);
});

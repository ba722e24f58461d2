import { expect, requires, test } from "../fixtures";

const TWO_PHASE = { configLines: ["max_prepared_transactions = 10"] };

// covers: test_twophase.py::test_twophase
test("prepared transactions survive restarts, and a branch decides about its own", async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main", TWO_PHASE);
  await main.sql`create table t (i int)`;
  for (const i of [1, 2, 3]) await main.query(`begin; insert into t values (${i}); prepare transaction 'p${i}'`);
  const prepared = await main.flushLsn();
  await main.kill9();
  await main.start();
  expect(await main.sql`select gid from pg_prepared_xacts order by gid`).toEqual([
    { gid: "p1" },
    { gid: "p2" },
    { gid: "p3" },
  ]);
  await main.sql`commit prepared 'p1'`;
  await main.sql`rollback prepared 'p2'`;
  await main.restart();
  expect(await main.sql`select i from t`).toEqual([{ i: 1 }]);
  expect(await main.sql`select gid from pg_prepared_xacts`).toEqual([{ gid: "p3" }]);

  await env.waitForLastFlushLsn(main);
  await env.createBranch("child", { lsn: prepared });
  const child = await env.endpoints.createStart("child", TWO_PHASE);
  expect(await child.sql`select i from t`).toEqual([]);
  for (const gid of ["p2", "p3"]) await child.query(`commit prepared '${gid}'`);
  expect(await child.sql`select i from t order by i`).toEqual([{ i: 2 }, { i: 3 }]);
  expect(await child.sql`select gid from pg_prepared_xacts`).toEqual([{ gid: "p1" }]);
});

// covers: test_subxacts.py::test_subxacts
test("of subtransactions only what was released survives", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  {
    // More than the 64 that Postgres keeps in shared memory for each session.
    await using session = await endpoint.connect();
    await session.sql`begin`;
    for (let i = 1; i <= 200; i += 1) {
      await session.query(`savepoint s${i}; insert into t values (${i})`);
      if (i % 3 === 0) await session.query(`rollback to savepoint s${i}`);
      else if (i % 5 === 0) await session.query(`release savepoint s${i}`);
    }
    await session.sql`commit`;
  }
  const expected = await endpoint.sql`select count(*)::int as n, sum(i)::int as sum from t`;
  const kept = Array.from({ length: 200 }, (_, index) => index + 1).filter((i) => i % 3 !== 0);
  expect(expected).toEqual([{ n: kept.length, sum: kept.reduce((sum, i) => sum + i, 0) }]);
  await endpoint.kill9();
  await endpoint.start();
  expect(await endpoint.sql`select count(*)::int as n, sum(i)::int as sum from t`).toEqual(expected);
});

// covers: test_truncate.py::test_truncate
test("a truncated table is empty after a restart, and full on a branch from before", async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select generate_series(1, 5000) as i`;
  await main.sql`create index on t (i)`;
  const before = await main.flushLsn();
  await main.sql`truncate t`;
  await main.sql`insert into t values (-1)`;
  await main.query("begin; truncate t; rollback");
  await main.restart();
  expect(await main.sql`select i from t`).toEqual([{ i: -1 }]);
  await env.waitForLastFlushLsn(main);
  await env.createBranch("before", { lsn: before });
  const child = await env.endpoints.createStart("before");
  expect(await child.sql`select count(*)::int as n from t where i between 1 and 5000`).toEqual([{ n: 5000 }]);
});

test("VACUUM FULL and CLUSTER move every row, and lose none", async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select i, repeat('x', 200) as filler from generate_series(1, 10000) as i`;
  await main.sql`create unique index t_i on t (i)`;
  await main.sql`delete from t where i % 2 = 0`;
  const before = await main.flushLsn();
  await main.sql`vacuum full t`;
  await main.sql`cluster t using t_i`;
  await main.sql`vacuum full pg_class`;
  const rows = [{ n: 5000, sum: 25_000_000 }];
  await main.kill9();
  await main.start();
  expect(await main.sql`select count(*)::int as n, sum(i)::int as sum from t`).toEqual(rows);
  expect(await main.sql`select filler = repeat('x', 200) as ok from t where i = 4999`).toEqual([{ ok: true }]);
  await env.waitForLastFlushLsn(main);
  await env.createBranch("before", { lsn: before });
  const child = await env.endpoints.createStart("before");
  await child.sql`vacuum full t`;
  expect(await child.sql`select count(*)::int as n, sum(i)::int as sum from t`).toEqual(rows);
});

test("large objects survive a restart, and a branch changes only its own", async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  const content = "sha256(lo_get(1001)) = sha256(convert_to(repeat('large object ', 50000), 'UTF8'))";
  await main.sql`select lo_from_bytea(1001, convert_to(repeat('large object ', 50000), 'UTF8'))`;
  await main.sql`select lo_from_bytea(1002, 'gone')`;
  await main.sql`select lo_unlink(1002)`;
  await main.restart();
  expect(await main.query(`select ${content} as same`)).toEqual([{ same: true }]);
  expect(await main.sql`select oid::int from pg_largeobject_metadata`).toEqual([{ oid: 1001 }]);
  await env.waitForLastFlushLsn(main);
  await env.createBranch("child");
  const child = await env.endpoints.createStart("child");
  await child.sql`select lo_put(1001, 100000, 'changed')`;
  expect(await child.query(`select ${content} as same`)).toEqual([{ same: false }]);
  expect(await main.query(`select ${content} as same`)).toEqual([{ same: true }]);
});

// covers: test_unlogged.py::test_unlogged
test("an unlogged table is there after a restart, but empty", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create unlogged table u (i int primary key)`;
  await endpoint.sql`create table t (i int)`;
  await endpoint.sql`insert into u select generate_series(1, 1000)`;
  await endpoint.sql`insert into t values (1)`;
  await endpoint.restart();
  expect(await endpoint.sql`select i from u`).toEqual([]);
  await endpoint.sql`insert into u values (7)`;
  expect(await endpoint.sql`select i from u where i = 7`).toEqual([{ i: 7 }]);
  expect(await endpoint.sql`select i from t`).toEqual([{ i: 1 }]);
});

// covers: test_createdropdb.py::test_createdb
test("a database made on a branch is not its ancestor's", async ({ neonSimpleEnv: env, pgVersion }) => {
  const strategies = pgVersion > 14 ? [" strategy wal_log", " strategy file_copy"] : [""];
  const main = await env.endpoints.createStart("main");
  const names = "select datname as name from pg_database where datname like 'd%' order by 1";
  for (const [index, strategy] of strategies.entries()) {
    await main.query(`create database d${index}${strategy}`);
    await main.query("create table t as select 1 as i", [], { database: `d${index}` });
  }
  await env.waitForLastFlushLsn(main);
  await env.createBranch("child");
  const child = await env.endpoints.createStart("child");
  await child.sql`create database donly`;
  await child.sql`drop database d0`;
  await child.kill9();
  await child.start();
  const kept = strategies.map((_, index) => ({ name: `d${index}` }));
  expect(await child.query(names)).toEqual([...kept.slice(1), { name: "donly" }]);
  await main.restart();
  expect(await main.query(names)).toEqual(kept);
  for (const { name } of kept) {
    expect(await main.query("select i from t", [], { database: name })).toEqual([{ i: 1 }]);
  }
});

test(
  "a transaction that was running while the pageserver made its images commits as a whole",
  requires("testing"),
  async ({ neonSimpleEnv: env }) => {
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
    await using session = await endpoint.connect();
    await session.sql`begin`;
    await session.sql`create role made_meanwhile`;
    await session.sql`create table u as select generate_series(1, 1000) as i`;
    await session.sql`alter table t add column more int default 7`;
    await endpoint.sql`create table v ()`;
    await env.waitForLastFlushLsn(endpoint);
    const client = env.pageserver.httpClient();
    await client.checkpoint(env.initialTenant, env.initialTimeline, { forceImageLayerCreation: true });
    await session.sql`commit`;
    await endpoint.restart();
    expect(await endpoint.sql`select rolname from pg_roles where rolname = 'made_meanwhile'`).toHaveLength(1);
    expect(await endpoint.sql`select sum(i)::int as sum from u`).toEqual([{ sum: 500500 }]);
    expect(await endpoint.sql`select sum(more)::int as sum from t`).toEqual([{ sum: 7000 }]);
  },
);

test("prepared transactions and empty unlogged tables are in the pageserver's images", async ({
  neonSimpleEnv: env,
}) => {
  const endpoint = await env.endpoints.createStart("main", TWO_PHASE);
  await endpoint.sql`create table t (i int)`;
  await endpoint.sql`create unlogged table u (i int primary key)`;
  await endpoint.query("begin; insert into t values (1); prepare transaction 'p'");
  await endpoint.sql`insert into u values (1)`;
  await endpoint.sql`checkpoint`;
  await endpoint.sql`insert into t values (2)`;
  await env.waitForLastFlushLsn(endpoint);
  const client = env.pageserver.httpClient();
  await client.checkpoint(env.initialTenant, env.initialTimeline, { forceImageLayerCreation: true });
  await endpoint.restart();
  expect(await endpoint.sql`select gid from pg_prepared_xacts`).toEqual([{ gid: "p" }]);
  await endpoint.sql`commit prepared 'p'`;
  expect(await endpoint.sql`select i from t order by i`).toEqual([{ i: 1 }, { i: 2 }]);
  expect(await endpoint.sql`select i from u`).toEqual([]);
  await endpoint.sql`insert into u values (7)`;
  expect(await endpoint.sql`select i from u where i = 7`).toEqual([{ i: 7 }]);
});

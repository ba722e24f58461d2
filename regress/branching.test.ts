import { expect, Lsn, test } from "../fixtures";

// covers: test_branch_behind.py::test_branch_behind
test("a branch at the head has the ancestor's rows, and the two go separate ways", async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select generate_series(1, 1000) as i`;
  await env.waitForLastFlushLsn(main);
  await env.createBranch("child");
  await main.sql`insert into t values (-1)`;

  const child = await env.endpoints.createStart("child");
  expect(await child.sql`select count(*)::int as n, min(i) from t`).toEqual([{ n: 1000, min: 1 }]);
  await child.sql`delete from t where i > 10`;
  expect(await child.sql`select count(*)::int as n from t`).toEqual([{ n: 10 }]);
  expect(await main.sql`select count(*)::int as n, min(i) from t`).toEqual([{ n: 1001, min: -1 }]);
});

// covers: test_branching.py::test_branching_with_pgbench
test("a branch survives restarts of its compute and of the pageserver", async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select generate_series(1, 1000) as i`;
  await env.waitForLastFlushLsn(main);
  await env.createBranch("child");
  const child = await env.endpoints.createStart("child");
  await child.sql`update t set i = i + 1`;
  await child.kill9();
  await env.pageserver.kill9();
  await env.pageserver.start();
  await child.start();
  expect(await child.sql`select sum(i)::int from t`).toEqual([{ sum: 501500 }]);
  expect(await main.sql`select sum(i)::int from t`).toEqual([{ sum: 500500 }]);
});

// covers: test_branch_behind.py
test("a branch can be made at an LSN in the past", async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select 1 as i`;
  const lsn = await main.flushLsn();
  await main.sql`insert into t values (2)`;
  await env.waitForLastFlushLsn(main);
  await env.createBranch("past", { lsn });
  const past = await env.endpoints.createStart("past");
  expect(await past.sql`select i from t`).toEqual([{ i: 1 }]);
});

// covers: test_ancestor_branch.py::test_ancestor_branch
test("a branch of a branch, at an LSN of either", async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select 1 as i`;
  const first = await main.flushLsn();
  await main.sql`insert into t values (2)`;
  await env.waitForLastFlushLsn(main);
  await env.createBranch("child");
  const child = await env.endpoints.createStart("child");
  await child.sql`insert into t values (3)`;
  const third = await env.waitForLastFlushLsn(child);
  await child.sql`delete from t`;
  await env.waitForLastFlushLsn(child);

  await env.createBranch("late", { from: "child", lsn: third });
  await env.createBranch("later", { from: "late" });
  const later = await env.endpoints.createStart("later");
  expect(await later.sql`select i from t order by i`).toEqual([{ i: 1 }, { i: 2 }, { i: 3 }]);
  await later.sql`insert into t values (4)`;
  await env.createBranch("early", { lsn: first });
  const early = await env.endpoints.createStart("early");
  expect(await early.sql`select i from t`).toEqual([{ i: 1 }]);
  await later.restart();
  expect(await later.sql`select count(*)::int as n from t`).toEqual([{ n: 4 }]);
  expect(await child.sql`select i from t`).toEqual([]);
});

test("a branch has what its LSN has, and not one record more", async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select 1 as i`;
  // The next record after this LSN is the commit.
  await using session = await main.connect();
  await session.sql`begin`;
  await session.sql`insert into t values (2)`;
  const [row] = await session.sql`select pg_current_wal_insert_lsn()::text as lsn`;
  await session.sql`commit`;
  const committed = await main.flushLsn();
  await main.sql`insert into t values (3)`;
  await env.waitForLastFlushLsn(main);

  await env.createBranch("before", { lsn: Lsn.parse(String(row?.["lsn"])) });
  await env.createBranch("after", { lsn: committed });
  const before = await env.endpoints.createStart("before");
  expect(await before.sql`select i from t order by i`).toEqual([{ i: 1 }]);
  const after = await env.endpoints.createStart("after");
  expect(await after.sql`select i from t order by i`).toEqual([{ i: 1 }, { i: 2 }]);
});

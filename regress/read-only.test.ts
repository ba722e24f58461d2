import { expect, requires, test } from "../fixtures";

// covers: test_readonly_node.py::test_readonly_node
test("a read-only endpoint sees the past", requires("static_endpoints"), async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select generate_series(1, 1000) as i`;
  const before = await main.flushLsn();
  await main.sql`update t set i = -i`;
  const between = await main.flushLsn();
  await main.sql`truncate t`;
  await main.sql`drop table t`;
  await env.waitForLastFlushLsn(main);

  // The later one reads first: for a table that is gone, Neon's pageserver remembers the size that it gave to the first
  // reader, and gives it to readers of later LSNs as well (at c47c5f4ace).
  const second = await env.endpoints.createStart("main", { lsn: between });
  expect(await second.sql`select sum(i)::int from t`).toEqual([{ sum: -500500 }]);
  const first = await env.endpoints.createStart("main", { lsn: before });
  expect(await first.sql`select sum(i)::int from t`).toEqual([{ sum: 500500 }]);
  await expect(first.sql`delete from t`).rejects.toThrow(/read-only transaction/);
  await expect(main.sql`select 1 from t`).rejects.toThrow(/does not exist/);
});

// covers: test_readonly_node.py::test_timetravel
test("a read-only endpoint stays where it is", requires("static_endpoints"), async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select 1 as i`;
  const past = await env.endpoints.createStart("main", { lsn: await main.flushLsn() });
  await main.sql`insert into t values (2)`;
  await env.waitForLastFlushLsn(main);
  expect(await past.sql`select i from t`).toEqual([{ i: 1 }]);
  await past.restart();
  expect(await past.sql`select i from t`).toEqual([{ i: 1 }]);
  expect(await main.sql`select count(*)::int as n from t`).toEqual([{ n: 2 }]);
});

test(
  "a read-only endpoint of a branch reaches behind its beginning",
  requires("static_endpoints"),
  async ({ neonSimpleEnv: env }) => {
    const main = await env.endpoints.createStart("main");
    await main.sql`create table t as select 1 as i`;
    const early = await main.flushLsn();
    await main.sql`insert into t values (2)`;
    await env.waitForLastFlushLsn(main);
    await env.createBranch("child");
    const child = await env.endpoints.createStart("child");
    await child.sql`insert into t values (3)`;
    const late = await env.waitForLastFlushLsn(child);
    await child.sql`insert into t values (4)`;

    const atLate = await env.endpoints.createStart("child", { lsn: late });
    expect(await atLate.sql`select i from t order by i`).toEqual([{ i: 1 }, { i: 2 }, { i: 3 }]);
    const atEarly = await env.endpoints.createStart("child", { lsn: early });
    expect(await atEarly.sql`select i from t`).toEqual([{ i: 1 }]);
  },
);

import { expect, requires, test } from "../fixtures";

// covers: test_physical_replication.py::test_physical_replication
test("a replica follows its primary and refuses to write", requires("replicas"), async ({ neonSimpleEnv: env }) => {
  const primary = await env.endpoints.createStart("main");
  await primary.sql`create table t as select generate_series(1, 1000) as i`;
  const replica = await env.endpoints.newReplicaStart(primary);
  await env.waitReplicaCaughtUp(primary, replica);
  expect(await replica.sql`select count(*)::int as n, pg_is_in_recovery() as standby from t`).toEqual([
    { n: 1000, standby: true },
  ]);
  await expect(replica.sql`insert into t values (0)`).rejects.toThrow(/read-only transaction/);
  await primary.sql`create table u as select 7 as i`;
  await primary.sql`delete from t where i > 10`;
  await env.waitReplicaCaughtUp(primary, replica);
  expect(await replica.sql`select count(*)::int as n from t`).toEqual([{ n: 10 }]);
  expect(await replica.sql`select i from u`).toEqual([{ i: 7 }]);
});

// covers: test_physical_replication.py::test_physical_replication
test("a replica lags, and catches up with what it missed", requires("replicas"), async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const primary = await env.endpoints.createStart("main");
  await primary.sql`create table t (i int)`;
  const replica = await env.endpoints.newReplicaStart(primary);
  await env.waitReplicaCaughtUp(primary, replica);
  await replica.sql`select pg_wal_replay_pause()`;
  await primary.sql`insert into t select generate_series(1, 20000)`;
  expect(await replica.sql`select count(*)::int as n from t`).toEqual([{ n: 0 }]);
  await replica.sql`select pg_wal_replay_resume()`;
  await env.waitReplicaCaughtUp(primary, replica);
  expect(await replica.sql`select sum(i)::int from t`).toEqual([{ sum: 200010000 }]);

  await replica.stop();
  await primary.sql`update t set i = i + 1`;
  await replica.start();
  await env.waitReplicaCaughtUp(primary, replica);
  expect(await replica.sql`select sum(i)::int from t`).toEqual([{ sum: 200030000 }]);
});

test("a replica outlives its primary and goes on with the next", requires("replicas"), async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const primary = await env.endpoints.createStart("main");
  await primary.sql`create table t as select 1 as i`;
  const replica = await env.endpoints.newReplicaStart(primary, {
    configLines: ["wal_retrieve_retry_interval = '200ms'"],
  });
  await env.waitReplicaCaughtUp(primary, replica);
  await primary.kill9();
  expect(await replica.sql`select i from t`).toEqual([{ i: 1 }]);
  await env.safekeepers[0]?.kill9();
  await primary.start();
  await primary.sql`insert into t values (2)`;
  await env.waitReplicaCaughtUp(primary, replica);
  expect(await replica.sql`select i from t order by i`).toEqual([{ i: 1 }, { i: 2 }]);
});

test("a transaction on a replica keeps its snapshot", requires("replicas"), async ({ neonSimpleEnv: env }) => {
  const primary = await env.endpoints.createStart("main");
  await primary.sql`create table t as select generate_series(1, 100) as i`;
  const replica = await env.endpoints.newReplicaStart(primary);
  await env.waitReplicaCaughtUp(primary, replica);
  await using reader = await replica.connect();
  await reader.sql`begin isolation level repeatable read`;
  expect(await reader.sql`select count(*)::int as n from t`).toEqual([{ n: 100 }]);
  await primary.sql`delete from t where i <= 50`;
  await primary.sql`insert into t values (1000)`;
  await env.waitReplicaCaughtUp(primary, replica);
  expect(await reader.sql`select count(*)::int as n, max(i) from t`).toEqual([{ n: 100, max: 100 }]);
  await reader.sql`commit`;
  expect(await reader.sql`select count(*)::int as n, max(i) from t`).toEqual([{ n: 51, max: 1000 }]);
});

test("a replica of a branch has what the branch began with", requires("replicas"), async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select generate_series(1, 500) as i`;
  await env.waitForLastFlushLsn(main);
  await env.createBranch("child");
  await main.sql`delete from t`;
  const child = await env.endpoints.createStart("child");
  await child.sql`insert into t values (-1)`;
  const replica = await env.endpoints.newReplicaStart(child);
  await env.waitReplicaCaughtUp(child, replica);
  expect(await replica.sql`select count(*)::int as n, min(i) from t`).toEqual([{ n: 501, min: -1 }]);
});

import { expect, test } from "../fixtures";

// covers: test_wal_acceptor.py::test_restart_endpoint
test("rows survive a compute restart", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 100000) as i`;
  await endpoint.stop();
  await endpoint.start();
  expect(await endpoint.sql`select sum(i) from t`).toEqual([{ sum: "5000050000" }]);
});

// covers: test_next_xid.py::test_next_xid
test("acknowledged rows survive SIGKILL of the compute", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int primary key)`;
  for (let round = 1; round <= 3; round += 1) {
    for (let i = 1; i <= 10; i += 1) await endpoint.query("insert into t values ($1)", [round * 100 + i]);
    await endpoint.kill9();
    await endpoint.start();
    expect(await endpoint.sql`select count(*)::int as n, max(i) from t`).toEqual([
      { n: round * 10, max: round * 100 + 10 },
    ]);
  }
});

test("a transaction that was open at SIGKILL is rolled back", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  const session = await endpoint.connect();
  await session.sql`begin`;
  await session.sql`insert into t select generate_series(1, 5000)`;
  // A commit beside it brings the open transaction's WAL to the safekeepers, too.
  await endpoint.sql`insert into t values (0)`;
  await endpoint.kill9();
  await expect(session.sql`commit`).rejects.toThrow();
  await endpoint.start();
  expect(await endpoint.sql`select i from t`).toEqual([{ i: 0 }]);
});

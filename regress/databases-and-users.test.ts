import { expect, test } from "../fixtures";

// covers: test_createdropdb.py::test_createdb
test("databases can be created and dropped, and both survive a restart", async ({ neonSimpleEnv: env, pgVersion }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create database first`;
  // Version 14 copies files always, the others only when told to.
  await endpoint.query(`create database second${pgVersion > 14 ? " strategy file_copy" : ""}`);
  await endpoint.query("create table t as select 42 as i", [], { database: "first" });
  await endpoint.sql`drop database second`;
  await endpoint.kill9();
  await endpoint.start();
  const names = await endpoint.sql`select datname from pg_database where datname in ('first', 'second')`;
  expect(names).toEqual([{ datname: "first" }]);
  expect(await endpoint.query("select i from t", [], { database: "first" })).toEqual([{ i: 42 }]);
  await expect(endpoint.query("select 1", [], { database: "second" })).rejects.toThrow(/"second" does not exist/);
});

// covers: test_createuser.py::test_createuser
test("users can be created and dropped, and keep their passwords and grants over a restart", async ({
  neonSimpleEnv: env,
}) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create role reader login password 'first password'`;
  await endpoint.sql`create role leaver login`;
  await endpoint.sql`create table t as select 1 as i`;
  await endpoint.sql`grant select on t to reader`;
  await endpoint.sql`drop role leaver`;
  await endpoint.stop();
  await endpoint.start();
  const asReader = { user: "reader", password: "first password" };
  expect(await endpoint.query("select i from t", [], asReader)).toEqual([{ i: 1 }]);
  await expect(endpoint.query("insert into t values (2)", [], asReader)).rejects.toThrow(/permission denied/);
  expect(await endpoint.sql`select rolname from pg_roles where rolname = 'leaver'`).toEqual([]);
});

import { expect, test } from "../fixtures";

test("two tenants have the same branch names and none of each other's rows", async ({ neonSimpleEnv: env }) => {
  const other = await env.createTenant();
  const first = await env.endpoints.createStart("main");
  const second = await env.endpoints.createStart("main", { tenantId: other.tenantId });
  await first.sql`create table t as select 1 as i`;
  await second.sql`create table t as select 2 as i`;
  expect(await first.sql`select i from t`).toEqual([{ i: 1 }]);
  expect(await second.sql`select i from t`).toEqual([{ i: 2 }]);
});

// covers: test_tenant_detach.py::test_tenant_reattach
test("a tenant that is detached and attached again has all its rows", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 5000) as i`;
  await env.waitForLastFlushLsn(endpoint);
  await endpoint.stop();
  await env.pageserver.tenantDetach(env.initialTenant);
  expect(await env.pageserver.httpClient().listTenants()).toEqual([]);
  await env.pageserver.tenantAttach(env.initialTenant);
  await endpoint.start();
  expect(await endpoint.sql`select sum(i)::int from t`).toEqual([{ sum: 12502500 }]);
});

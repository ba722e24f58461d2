import { expect, test } from "../fixtures";

const ANNA = { name: "anna", encrypted_password: "0123456789abcdef0123456789abcdef", options: null };

// covers: test_compute_migrations.py::test_compute_migrations_e2e
test("a compute that updates its catalogs makes neon_superuser, and its migrations once", async ({
  neonSimpleEnv: env,
}) => {
  const endpoint = await env.endpoints.create("main");
  endpoint.respec({ skip_pg_catalog_updates: false });
  await endpoint.start();
  await endpoint.waitForMigrations();
  const role =
    "select rolcreaterole, rolcreatedb, rolbypassrls, rolcanlogin from pg_roles where rolname = 'neon_superuser'";
  const attributes = { rolcreaterole: true, rolcreatedb: true, rolbypassrls: true, rolcanlogin: false };
  expect(await endpoint.query(role)).toEqual([attributes]);
  await endpoint.httpClient().checkWritability();
  const done = "select id::int, xmin::text as written_by from neon_migration.migration_id";
  const before = await endpoint.query(done);
  await endpoint.restart();
  await endpoint.waitForMigrations();
  expect(await endpoint.query(role)).toEqual([attributes]);
  expect(await endpoint.query(done)).toEqual(before);
  expect(await endpoint.sql`select count(*)::int as n from health_check`).toEqual([{ n: 1 }]);
});

// covers: test_compute_catalog.py::test_compute_create_databases, test_role_grants.py::test_role_grants
test("a running compute takes roles, databases and settings", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  const databases = [{ name: "shop", owner: "anna", options: null }];
  endpoint.config(["work_mem = '9MB'"]);
  endpoint.respecDeep({ cluster: { roles: [ANNA], databases } });
  await endpoint.reconfigure();
  await endpoint.reconfigure();
  const workMem = async () => (await endpoint.sql`show work_mem`)[0]?.["work_mem"];
  await expect.poll(workMem, { timeout: 10_000 }).toBe("9MB");
  const found = await endpoint.httpClient().databasesAndRoles();
  expect(found.roles).toContainEqual({ ...ANNA, encrypted_password: `md5${ANNA.encrypted_password}` });
  expect(found.databases).toContainEqual({
    ...{ name: "shop", owner: "anna", options: null },
    ...{ restrict_conn: false, invalid: false },
  });

  await endpoint.query("create table t as select 1 as i", [], { database: "shop" });
  endpoint.respecDeep({
    cluster: { roles: [], databases: [] },
    delta_operations: [
      { action: "delete_db", name: "shop" },
      { action: "delete_role", name: "anna" },
    ],
  });
  await endpoint.reconfigure();
  await endpoint.restart();
  expect(await endpoint.sql`select datname from pg_database where datname = 'shop'`).toEqual([]);
  expect(await endpoint.sql`select rolname from pg_roles where rolname = 'anna'`).toEqual([]);
});

// covers: test_wal_acceptor.py::test_replace_safekeeper
test("a running compute goes over to other safekeepers", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 4 }).initStart();
  const endpoint = await env.endpoints.createStart("main", { safekeepers: [1, 2, 3] });
  await endpoint.sql`create table t as select 1 as i`;
  await endpoint.reconfigure({ safekeepers: [2, 3, 4] });
  await endpoint.sql`insert into t values (2)`;
  await env.safekeepers[0]?.kill9();
  await env.safekeepers[1]?.kill9();
  await endpoint.sql`insert into t values (3)`;
  await endpoint.kill9();
  await endpoint.start();
  expect(await endpoint.sql`select i from t order by i`).toEqual([{ i: 1 }, { i: 2 }, { i: 3 }]);
});

// covers: test_wal_acceptor.py::test_term_bump
test("a compute survives a term that was raised by hand", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  for (const [index, safekeeper] of env.safekeepers.entries()) {
    const bumped = await safekeeper.httpClient().bumpTerm(env.initialTenant, env.initialTimeline);
    expect(bumped.current_term).toBeGreaterThan(bumped.previous_term);
    await endpoint.query("insert into t values ($1)", [index]);
  }
  expect(endpoint.isRunning()).toBe(true);
  await endpoint.restart();
  expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 3 }]);
});

test("compute_ctl tells what it does, and ends when it is told", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  const client = endpoint.httpClient();
  expect(await client.status()).toMatchObject({
    ...{ status: "running", error: null },
    ...{ tenant: env.initialTenant, timeline: env.initialTimeline },
  });
  expect((await client.startMetrics()).total_startup_ms).toBeGreaterThan(0);
  expect((await client.info()).num_cpus).toBeGreaterThan(0);
  expect(await client.installedExtensions()).toContainEqual(expect.objectContaining({ extname: "plpgsql" }));
  await endpoint.sql`create role reader`;
  const grant = { database: "postgres", schema: "public", role: "reader", privileges: ["CREATE" as const] };
  expect(await client.grant(grant)).toEqual(grant);
  await expect(client.configure({ cluster: {} })).rejects.toThrow(/422/);
  await client.terminate();
  expect((await client.status()).status).toBe("terminated");
  await expect(endpoint.sql`select 1`).rejects.toThrow();
  await endpoint.stop({ immediate: true });
  await endpoint.start();
  expect(await endpoint.sql`select rolname from pg_roles where rolname = 'reader'`).toHaveLength(1);
});

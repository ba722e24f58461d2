import { expect, requires, test } from "../../fixtures";
import type { Endpoint } from "../../fixtures";

const NAMES = [
  ...["neondb", "db with spaces", "db with%20spaces", "db with whitespaces\t", "db with emoji 🌍"],
  ...["injective db with spaces'; SELECT pg_sleep(10);", "db with #pound-sign and &ampersands=true", 'a "quoted" one'],
];
const DATABASES = NAMES.map((name) => ({ name, owner: "cloud_admin", options: null }));

async function configure(endpoint: Endpoint, changes: Record<string, unknown>): Promise<void> {
  endpoint.respecDeep({ skip_pg_catalog_updates: false, ...changes });
  await endpoint.reconfigure();
}

// covers: test_compute_catalog.py::test_compute_catalog, test_compute_catalog.py::test_compute_create_databases
test("databases of any name are made from the specification, listed, and can be used", async ({
  neonSimpleEnv: env,
}) => {
  const endpoint = await env.endpoints.createStart("main");
  await configure(endpoint, { cluster: { databases: DATABASES } });
  const { databases, roles } = await endpoint.httpClient().databasesAndRoles();
  expect(roles.map(({ name }) => name)).toContain("cloud_admin");
  expect(databases.map(({ name }) => name)).toEqual(expect.arrayContaining(["postgres", ...NAMES]));
  for (const name of NAMES) {
    expect(databases.find((each) => each.name === name)?.owner).toBe("cloud_admin");
    expect(await endpoint.query("select current_database() as name", [], { database: name })).toEqual([{ name }]);
  }
  await endpoint.restart();
  expect(await endpoint.query("select datname from pg_database where datname = any($1)", [NAMES])).toHaveLength(
    NAMES.length,
  );
});

// covers: test_compute_catalog.py::test_compute_catalog
test(
  "the schema of a database is dumped, and one that isn't there is not found",
  requires("psql"),
  async ({ neonSimpleEnv: env }) => {
    const endpoint = await env.endpoints.createStart("main");
    await configure(endpoint, { cluster: { databases: DATABASES } });
    const client = endpoint.httpClient();
    for (const name of NAMES.slice(0, 4)) {
      await endpoint.query("create table made_here ()", [], { database: name });
      const dump = await client.databaseSchema(name);
      expect(dump).toMatch(/-- PostgreSQL database dump[\s\S]*made_here/);
      expect(dump).not.toMatch(/health_check|migration/);
    }
    await expect(client.databaseSchema("nonexistentdb")).rejects.toThrow(/ 404 /);
  },
);

// covers: test_compute_catalog.py::test_dropdb_with_subscription
test("a database that subscribes to another one is dropped when the specification says so", async ({
  neonSimpleEnv: env,
}) => {
  const endpoint = await env.endpoints.createStart("main");
  const [publisher, subscriber] = ["publisher_db", "subscriber_db"].map((name) => ({
    ...{ name, owner: "cloud_admin", options: null },
  }));
  await configure(endpoint, { cluster: { databases: [publisher, subscriber] } });
  const inDatabase = (database: string, text: string) => endpoint.query(text, [], { database });
  await inDatabase("publisher_db", "create table t (a int)");
  await inDatabase("publisher_db", "create publication p for table t");
  await inDatabase("publisher_db", "select pg_create_logical_replication_slot('s', 'pgoutput')");
  await inDatabase("subscriber_db", "create table t (a int)");
  const conninfo = `host=127.0.0.1 port=${endpoint.pgPort} user=cloud_admin dbname=publisher_db`;
  // A subscription to the own server can't make its slot itself.
  await inDatabase(
    "subscriber_db",
    `create subscription s connection '${conninfo}' publication p with (create_slot = false)`,
  );
  await inDatabase("publisher_db", "insert into t values (1)");
  const received = () => inDatabase("subscriber_db", "select a from t");
  await expect.poll(received, { timeout: 30_000 }).toEqual([{ a: 1 }]);

  const gone = ["subscriber_db", "nonexistent_db"].map((name) => ({ action: "delete_db", name }));
  await configure(endpoint, { cluster: { databases: [publisher] }, delta_operations: gone });
  expect(await endpoint.sql`select datname from pg_database where datname = 'subscriber_db'`).toEqual([]);
  expect(await inDatabase("publisher_db", "select a from t")).toEqual([{ a: 1 }]);
});

// covers: test_compute_catalog.py::test_compute_drop_role
test("a role is dropped although there are grants to it, and although a schema is gone", async ({
  neonSimpleEnv: env,
}) => {
  const endpoint = await env.endpoints.createStart("main");
  const owner = { name: "owner", encrypted_password: "0123456789abcdef0123456789abcdef", options: null };
  const shop = { name: "shop", owner: "owner", options: null };
  await configure(endpoint, { cluster: { roles: [owner], databases: [shop] } });
  const inShop = (text: string) => endpoint.query(text, [], { database: "shop" });
  const exists = async (name: string) =>
    (await endpoint.query("select 1 from pg_roles where rolname = $1", [name])).length;
  await inShop("create table t (id int); create view v as select * from t");
  await inShop("create role readonly; grant select on all tables in schema public to readonly");
  expect(await inShop("select 1 from information_schema.role_table_grants where grantee = 'readonly'")).toHaveLength(2);
  await configure(endpoint, { delta_operations: [{ action: "delete_role", name: "readonly" }] });
  expect(await exists("readonly")).toBe(0);

  await inShop(
    "create role readonly2; grant select on all tables in schema public to readonly2; drop schema public cascade",
  );
  await configure(endpoint, { delta_operations: [{ action: "delete_role", name: "readonly2" }] });
  expect(await exists("readonly2")).toBe(0);
  expect(await exists("owner")).toBe(1);
});

// covers: test_role_grants.py::test_role_grants
test("a role that is granted a schema can use it from then on", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create database shop`;
  await endpoint.query("create schema s; create role clerk login", [], { database: "shop" });
  const asClerk = (text: string) => endpoint.query(text, [], { database: "shop", user: "clerk" });
  await expect(asClerk("create table s.t (id int)")).rejects.toThrow(/permission denied/);
  const privileges = ["CREATE", "USAGE"] as const;
  await endpoint.httpClient().grant({ database: "shop", schema: "s", role: "clerk", privileges: [...privileges] });
  await asClerk("create table s.t as select 1 as id");
  expect(await asClerk("select id from s.t")).toEqual([{ id: 1 }]);
});

// covers: test_extensions.py::test_extensions, test_installed_extensions.py::test_installed_extensions
test("an extension is installed on request, and counted by database and version", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  for (const name of ["one", "two"]) await endpoint.query(`create database ${name}`);
  const client = endpoint.httpClient();
  const installed = async () => (await client.installedExtensions()).filter(({ extname }) => extname === "pg_trgm");
  expect(await installed()).toEqual([]);
  const [row] = await endpoint.sql`
    select version from pg_available_extension_versions where name = 'pg_trgm' order by version desc limit 1`;
  const version = String(row?.["version"]);
  for (const database of ["one", "two"]) {
    expect(await client.installExtension({ extension: "pg_trgm", version, database })).toMatchObject({
      ...{ extension: "pg_trgm", version },
    });
    const found = await endpoint.query("select extversion from pg_extension where extname = 'pg_trgm'", [], {
      database,
    });
    expect(found).toEqual([{ extversion: version }]);
  }
  expect(await installed()).toMatchObject([{ version, n_databases: 2 }]);
  const plpgsql = (await client.installedExtensions()).find(({ extname }) => extname === "plpgsql");
  expect(plpgsql).toMatchObject({ version: "1.0", n_databases: 4 });
});

// covers: test_compute_locales.py::test_default_locales
test("the locale of a compute is C.UTF-8, whatever that of the machine is", async ({
  neonSimpleEnv: env,
  pgVersion,
}) => {
  const endpoint = await env.endpoints.createStart("main");
  for (const name of ["lc_messages", "lc_monetary", "lc_numeric", "lc_time"]) {
    expect(await endpoint.query(`show ${name}`), name).toEqual([{ [name]: "C.UTF-8" }]);
  }
  const provider = pgVersion >= 15 ? ", datlocprovider as provider" : "";
  const [row] = await endpoint.query(
    `select datcollate, datctype${provider} from pg_database where datname = current_database()`,
  );
  expect(row).toMatchObject({ datcollate: "C.UTF-8", datctype: "C.UTF-8" });
  if (pgVersion >= 15) expect(row?.["provider"]).toBe(pgVersion >= 17 ? "b" : "c");
});

// covers: test_createdropdb.py::test_createdb, test_createdropdb.py::test_dropdb, test_createuser.py::test_createuser
test("databases and users that come and go are each on the branches of their time", async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`checkpoint`;
  const before = await main.flushLsn();
  await main.sql`create database shop`;
  await main.sql`create user clerk with password 'secret'`;
  await main.query("create table t as select 1 as i", [], { database: "shop" });
  const between = await main.flushLsn();
  await main.sql`drop database shop`;
  await main.sql`drop user clerk`;
  await main.sql`checkpoint`;
  await env.waitForLastFlushLsn(main);
  for (const [name, lsn, count] of [
    ["early", before, 0],
    ["middle", between, 1],
    ["late", undefined, 0],
  ] as const) {
    await env.createBranch(name, lsn === undefined ? {} : { lsn });
    const branch = await env.endpoints.createStart(name);
    const found = await branch.sql`
      select (select count(*)::int from pg_database where datname = 'shop') as databases,
             (select count(*)::int from pg_user where usename = 'clerk') as users`;
    expect(found, name).toEqual([{ databases: count, users: count }]);
    if (count === 1) {
      expect(await branch.query("select i from t", [], { database: "shop" })).toEqual([{ i: 1 }]);
      const [size] = await branch.sql`select pg_database_size('shop')::int as bytes`;
      expect(Number(size?.["bytes"])).toBeGreaterThan(1_000_000);
    }
    await branch.stop();
  }
});

// covers: test_neon_superuser.py::test_neon_superuser
test("who is in neon_superuser publishes and subscribes, makes roles and databases, and is no superuser", async ({
  neonSimpleEnv: env,
}) => {
  await env.createBranch("subscriber");
  const computes = [await env.endpoints.create("main"), await env.endpoints.create("subscriber")];
  const asUser = { user: "mr_whiskers", password: "cat", database: "neondb" };
  for (const compute of computes) {
    compute.respec({ skip_pg_catalog_updates: false });
    await compute.start();
    await compute.waitForMigrations();
    await compute.query(`create role mr_whiskers with password 'cat' login inherit createrole createdb bypassrls
      replication in role neon_superuser`);
    await compute.sql`create database neondb with owner mr_whiskers`;
    await compute.editHba(["host all mr_whiskers 127.0.0.1/32 md5"]);
    await compute.query("create table t (a int)", [], asUser);
  }
  const [publisher, subscriber] = computes as [Endpoint, Endpoint];
  const publish = (text: string) => publisher.query(text, [], asUser);
  const subscribe = (text: string) => subscriber.query(text, [], asUser);
  expect(await publish("select pg_has_role('neon_superuser', 'usage') as usage")).toEqual([{ usage: true }]);
  await publish("create role definitely_not_a_superuser with password 'nope'");
  await publish("create database definitely_a_database");
  await expect(publish("create role one superuser")).rejects.toThrow(/permission denied|must be superuser/);
  await publish("insert into t values (10), (20)");
  // What others do is no secret to it.
  await using other = await subscriber.connect();
  await other.sql`select 'of the superuser'`;
  const seen = await subscribe("select query from pg_stat_activity where usename = 'cloud_admin' order by query");
  expect(seen.map(({ query }) => query)).toContain("select 'of the superuser'");
  expect(seen.map(({ query }) => query)).not.toContain("<insufficient privilege>");
  if (!env.engine.facts.features.has("neon_extension")) return;
  // To publish everything, and to subscribe, is what Neon's Postgres lets the role do that no other Postgres does.
  await publish("create publication p for all tables");
  const conninfo = `host=127.0.0.1 port=${publisher.pgPort} dbname=neondb user=mr_whiskers password=cat`;
  await subscribe(`create subscription s connection '${conninfo}' publication p`);
  await publish("insert into t values (30)");
  await expect
    .poll(() => subscribe("select a from t order by a"), { timeout: 30_000 })
    .toEqual([...[{ a: 10 }, { a: 20 }, { a: 30 }]]);
  await subscribe("drop subscription s");
});

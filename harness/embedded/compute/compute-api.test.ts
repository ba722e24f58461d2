import { expect, test } from "vitest";
import type { ComputeProcess } from "./testing/compute-process";
import { eventually } from "./testing/eventually";
import { useCluster } from "./testing/use-cluster";

const cluster = useCluster("compute-api-test");

const ALICE = { name: "Alice", encrypted_password: "0123456789abcdef0123456789abcdef", options: null };

const SCRAM = "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy";

/** Gives the running compute its spec with these roles, databases and the rest. */
async function configure(compute: ComputeProcess, objects: object, more: object = {}) {
  const base = compute.spec({}) as { cluster: object };
  const spec = { ...base, ...more, cluster: { ...base.cluster, ...objects } };
  return compute.http("/configure", { spec });
}

const scalar = async (compute: ComputeProcess, sql: string, database?: string) =>
  (await compute.query(sql, database))[0]?.[0];

test("status, info, metrics; what is not there", async () => {
  const compute = await cluster.startCompute({ spec: { storage_auth_token: "secret-token" } });
  const { tenantId: tenant, timelineId: timeline } = cluster.id;
  expect(await compute.status()).toMatchObject({ status: "running", error: null, last_active: null, tenant, timeline });
  expect(await compute.http("/nope")).toEqual({ status: 404, body: "" });
  expect((await compute.http("/info")).body).toEqual({ num_cpus: expect.any(Number) as unknown });
  const start = (await compute.http("/metrics.json")).body as Record<string, number>;
  expect(start["total_startup_ms"]).toBeGreaterThan(start["start_postgres_ms"] ?? Infinity);
  expect(start["basebackup_bytes"]).toBeGreaterThan(1_000_000);
  await eventually(async () => {
    const metrics = 'compute_installed_extensions{extension_name="plpgsql",version="1.0",owned_by_superuser="1"} 2';
    expect((await compute.http("/metrics")).body).toContain(metrics);
  });
  expect(await compute.http("/extension_server/anon", {})).toEqual({
    status: 412,
    body: { error: "remote storage is not configured" },
  });
  expect((await compute.http("/terminate", {})).status).toBe(200);
  expect(await compute.status()).toMatchObject({ status: "terminated" });
  expect((await compute.http("/terminate", {})).status).toBe(201);
  expect((await compute.http("/insights")).status).toBe(412);
  compute.signal("SIGTERM");
  expect(await compute.exited).toBe(0);
  expect(compute.log).not.toContain("secret-token");
});

test("a spec that can't be is refused with Neon's words, and changes nothing", async () => {
  const compute = await cluster.startCompute();
  const spec = compute.spec({});
  const shape = "failed to deserialize the json body into the target type: ";
  const cases: [object, number, string][] = [
    [{ x: 1 }, 422, `${shape}missing field \`spec\` at line 1 column 7`],
    [{ spec: {} }, 422, `${shape}spec: missing field \`format_version\``],
    [{ spec: { format_version: 1 } }, 422, `${shape}spec: missing field \`cluster\``],
    [{ spec: { ...spec, mode: "Second" } }, 422, `${shape}spec: mode: unknown variant "Second", expected one of`],
    [
      { spec: { ...spec, cluster: { roles: [{}], databases: [] } } },
      422,
      `${shape}spec: roles[0]: missing field \`name\``,
    ],
    [{ spec: { ...spec, tenant_id: "12" } }, 422, `${shape}spec: tenant_id: invalid value "12"`],
    [{ spec: { ...spec, pageserver_connstring: null } }, 400, "pageserver connstr should be provided"],
    [{ spec: { ...spec, safekeeper_connstrings: [] } }, 400, "safekeeper connstrings should be provided"],
    [{ spec: { ...spec, mode: "Replica" } }, 400, "the mode of a running compute can't change from Primary to Replica"],
  ];
  for (const [body, status, error] of cases) {
    const answer = await compute.http("/configure", body);
    expect([answer.status, answer.body]).toEqual([status, { error: expect.stringContaining(error) as unknown }]);
  }
  expect(await compute.status()).toMatchObject({ status: "running", error: null });
});

test("a start applies roles and databases, and runs the migrations", async () => {
  const compute = await cluster.startCompute({
    spec: { skip_pg_catalog_updates: false },
    cluster: {
      roles: [ALICE, { name: "bob", encrypted_password: SCRAM, options: null }],
      databases: [{ name: "al'ice db", owner: "Alice", options: null }],
      settings: [
        { name: "work_mem", value: "7MB", vartype: "string" },
        { name: "max_connections", value: "77", vartype: "integer" },
      ],
    },
  });
  await eventually(async () => expect(await scalar(compute, "select id from neon_migration.migration_id")).toBe("11"));
  expect(await compute.query("select current_setting('work_mem'), current_setting('max_connections')")).toEqual([
    ["7MB", "77"],
  ]);
  const attributes = `select rolcreaterole, rolcreatedb, rolbypassrls, rolcanlogin, pg_has_role('Alice', 'neon_superuser', 'member')
    from pg_roles where rolname = 'Alice'`;
  expect(await compute.query(attributes)).toEqual([["t", "t", "t", "t", "t"]]);
  const report = (await compute.http("/dbs_and_roles")).body as Record<"roles" | "databases", { name: string }[]>;
  expect(report.roles).toContainEqual({ ...ALICE, encrypted_password: `md5${ALICE.encrypted_password}` });
  const database = { name: "al'ice db", owner: '"Alice"', options: null, restrict_conn: false, invalid: false };
  expect(report.databases).toContainEqual(database);
  // What cloud_admin makes in the schema public belongs to neon_superuser's members, too.
  await compute.query("create table t as select 1 as i", "al'ice db");
  expect(await scalar(compute, 'set role "Alice"; select count(*) from t', "al'ice db")).toBe("1");
  expect(await compute.http("/check_writability", {})).toEqual({ status: 200, body: "true" });
});

test("a running compute takes roles, databases and settings, as often as it is told", async () => {
  const compute = await cluster.startCompute();
  const objects = {
    roles: [ALICE],
    databases: [{ name: "app", owner: "Alice", options: null }],
    settings: [{ name: "work_mem", value: "7MB", vartype: "string" }],
  };
  for (let time = 0; time < 2; time += 1) expect((await configure(compute, objects)).status).toBe(200);
  await eventually(async () => expect(await scalar(compute, "show work_mem")).toBe("7MB"));

  await compute.query(
    "create role carol in role neon_superuser; create table c (i int); alter table c owner to carol",
    "app",
  );
  await compute.query("create publication p for table c", "app");
  await compute.query("create subscription s connection 'dbname=none' publication p with (connect = false)", "app");
  await compute.query("create database old");
  await compute.query('create database "template me" is_template true');
  const delta_operations = [
    { action: "rename_role", name: "Alice", new_name: "Anna" },
    { action: "rename_db", name: "app", new_name: "shop" },
    { action: "delete_db", name: "old" },
    { action: "delete_db", name: "template me" },
    { action: "delete_role", name: "carol" },
  ];
  const changed = { roles: [{ ...ALICE, name: "Anna" }], databases: [{ name: "shop", owner: "Anna", options: null }] };
  for (let time = 0; time < 2; time += 1) {
    expect(await configure(compute, changed, { delta_operations })).toMatchObject({ status: 200 });
  }
  const names = "select string_agg(datname, ',' order by datname) from pg_database";
  expect(await scalar(compute, names)).toBe("postgres,shop,template0,template1");
  expect(await scalar(compute, "select count(*) from pg_roles where rolname in ('Alice', 'carol')")).toBe("0");
  expect(await scalar(compute, "select tableowner from pg_tables where tablename = 'c'", "shop")).toBe("Anna");

  const drop = [{ action: "delete_db", name: "shop" }];
  expect((await configure(compute, { roles: [], databases: [] }, { delta_operations: drop })).status).toBe(200);
  expect(await scalar(compute, names)).toBe("postgres,template0,template1");
  expect(await scalar(compute, "select count(*) from pg_subscription")).toBe("0");
});

test("a configuration that fails is told, and Postgres goes on", async () => {
  const compute = await cluster.startCompute();
  const impossible = { roles: [{ ...ALICE, options: [{ name: "NOSUCHOPTION" }] }] };
  const answer = await configure(compute, impossible);
  expect(answer.status).toBe(500);
  const reason = 'unrecognized role option "nosuchoption"';
  expect(answer.body).toEqual({ error: expect.stringContaining("compute configuration failed:") as unknown });
  expect(await compute.status()).toMatchObject({ status: "failed", error: expect.stringContaining(reason) as unknown });
  expect(await scalar(compute, "select 1")).toBe("1");
  expect(await configure(compute, {})).toEqual({ status: 412, body: { error: "invalid compute status: failed" } });
});

test("extensions, grants, insights and the schema", async () => {
  const compute = await cluster.startCompute();
  const hstore = { extension: "hstore", database: "postgres", version: "1.4" };
  for (let time = 0; time < 2; time += 1) {
    expect(await compute.http("/extensions", hstore)).toEqual({
      status: 201,
      body: { extension: "hstore", version: "1.4" },
    });
  }
  expect((await compute.http("/extensions", { ...hstore, version: "1.8" })).status).toBe(201);
  expect(await compute.http("/extensions", { ...hstore, extension: "none" })).toEqual({
    status: 500,
    body: {
      error:
        'failed to install extension: Failed to execute query: CREATE EXTENSION IF NOT EXISTS "none" WITH VERSION "1.4"',
    },
  });
  expect((await compute.http("/installed_extensions")).body).toEqual({
    extensions: expect.arrayContaining([
      { extname: "hstore", version: "1.8", n_databases: 1, owned_by_superuser: "1" },
    ]) as unknown,
  });
  await compute.query("create role bob");
  const grant = { database: "postgres", schema: "public", privileges: ["CREATE"], role: "bob" };
  expect(await compute.http("/grants", grant)).toEqual({ status: 201, body: grant });
  expect(await scalar(compute, "select has_schema_privilege('bob', 'public', 'create')")).toBe("t");
  expect((await compute.http("/grants", { ...grant, privileges: ["ALL"] })).status).toBe(422);
  expect((await compute.http("/grants", { ...grant, role: 'no"body' })).body).toEqual({
    error:
      'failed to grant role privileges to the schema: Failed to execute query: GRANT CREATE ON SCHEMA "public" TO "no""body"',
  });
  expect((await compute.http("/insights")).body).toBe('"{{\\"pg_stat_statements\\": []}}"');
  expect(await compute.http("/database_schema?database=none")).toEqual({
    status: 404,
    body: { error: "database does not exist" },
  });
  const schema = await compute.http("/database_schema?database=postgres");
  expect(schema).toEqual({
    status: 500,
    body: {
      error: expect.stringMatching(/^failed to execute pg_dump: this Postgres has no client programs/) as unknown,
    },
  });
});

test("failpoints: a migration that fails is tried again by the next start", async () => {
  const first = await cluster.startCompute();
  expect(await first.http("/failpoints", [{ name: "x", action: "off" }])).toEqual({
    status: 422,
    body: { error: expect.stringContaining("[0]: missing field `actions` at line 1 column") as unknown },
  });
  expect((await first.http("/failpoints", [{ name: "x", actions: "nonsense" }])).status).toBe(400);
  first.signal("SIGQUIT");
  await first.exited;
  const environment = { FAILPOINTS: "compute-migration=return(3)" };
  const second = await cluster.startCompute({ spec: { skip_pg_catalog_updates: false }, environment });
  await eventually(() => expect(second.log).toContain("migration 3 was configured to fail because of a failpoint"));
  expect(await scalar(second, "select id from neon_migration.migration_id")).toBe("2");
  second.signal("SIGQUIT");
  await second.exited;
  const third = await cluster.startCompute({ spec: { skip_pg_catalog_updates: false } });
  await eventually(async () => expect(await scalar(third, "select id from neon_migration.migration_id")).toBe("11"));
});

test("a compute goes over to other safekeepers, and survives a term that was raised by hand", async () => {
  const ports = [0, 1].map((index) => cluster.ports[index] ?? 0);
  const compute = await cluster.startCompute({ safekeeperPorts: ports });
  await compute.query("create table t as select 1 as i");
  const others = [1, 2].map((index) => `127.0.0.1:${cluster.ports[index]}`);
  expect((await configure(compute, {}, { safekeeper_connstrings: others })).status).toBe(200);
  await cluster.killSafekeeper(0);
  await compute.query("insert into t values (2)");
  const { tenantId, timelineId } = cluster.id;
  const bump = `/v1/tenant/${tenantId}/timeline/${timelineId}/term_bump`;
  expect((await cluster.safekeepers[2]?.http("POST", bump, {}))?.status).toBe(200);
  await compute.query("insert into t values (3)");
  expect(compute.log).not.toContain("PANIC");
  compute.signal("SIGKILL");
  await compute.exited;
  compute.signalPostmaster("SIGKILL");
  const next = await cluster.startCompute({ safekeeperPorts: [1, 2].map((index) => cluster.ports[index] ?? 0) });
  expect(await scalar(next, "select sum(i) from t")).toBe("6");
});

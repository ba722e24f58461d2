import { expect, requires, test } from "../fixtures";
import type { Safekeeper } from "../fixtures";

// covers: test_config.py::test_config
test("settings hold from the start on, or when a running compute is reconfigured", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main", { configLines: ["work_mem='9MB'", "log_connections=on"] });
  expect(await endpoint.sql`show work_mem`).toEqual([{ work_mem: "9MB" }]);
  const started = await endpoint.sql`select pg_postmaster_start_time() as at`;
  endpoint.config(["work_mem='11MB'"]);
  await endpoint.reconfigure();
  expect(await endpoint.sql`show work_mem`).toEqual([{ work_mem: "11MB" }]);
  expect(await endpoint.sql`select pg_postmaster_start_time() as at`).toEqual(started);
});

test(
  "what a compute's specification says of roles is carried out",
  requires("neon_extension"),
  async ({ neonSimpleEnv: env }) => {
    const endpoint = await env.endpoints.create("main");
    endpoint.respec({ skip_pg_catalog_updates: false });
    await endpoint.start();
    await endpoint.waitForMigrations();
    expect(await endpoint.sql`select rolname from pg_roles where rolname = 'neon_superuser'`).toHaveLength(1);
    const role = { name: "reader", encrypted_password: null, options: null };
    endpoint.respecDeep({ cluster: { roles: [role] } });
    await endpoint.reconfigure();
    expect(await endpoint.sql`select rolname from pg_roles where rolname = 'reader'`).toHaveLength(1);
  },
);

test("pg_hba.conf can be edited while the compute runs", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create role stranger login`;
  await endpoint.query("select 1", [], { user: "stranger" }).catch(() => undefined);
  await endpoint.editHba(["host all stranger all reject"]);
  await expect(endpoint.query("select 1", [], { user: "stranger" })).rejects.toThrow(/pg_hba.conf rejects connection/);
  await endpoint.editHba(["host all stranger all trust"]);
  expect(await endpoint.query("select current_user as me", [], { user: "stranger" })).toEqual([{ me: "stranger" }]);
});

// covers: test_wal_acceptor.py::test_replace_safekeeper
test("a compute goes over to other safekeepers", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 4 }).initStart();
  const [first, , , fourth] = env.safekeepers as [Safekeeper, Safekeeper, Safekeeper, Safekeeper];
  const endpoint = await env.endpoints.create("main");
  await endpoint.start({ safekeepers: [1, 2, 3] });
  await endpoint.sql`create table t as select generate_series(1, 10) as i`;
  const known = fourth.httpClient().listTimelines();
  expect((await known).map(({ timeline_id }) => timeline_id)).not.toContain(env.initialTimeline);
  await env.waitForLastFlushLsn(endpoint);
  await endpoint.stop({ sksWaitWalreceiverGone: env.safekeepers.slice(0, 3) });

  await first.stop();
  await endpoint.start({ safekeepers: [2, 3, 4] });
  expect(endpoint.activeSafekeepers).toEqual([2, 3, 4]);
  await endpoint.sql`insert into t values (11)`;
  expect(await fourth.commitLsn(env.initialTenant, env.initialTimeline)).toBeGreaterThan(0n);
  await expect(endpoint.reconfigure({ safekeepers: [7] })).rejects.toThrow(/^MISUSE: there is no safekeeper 7/);
});

test("a log is read on from where one stopped", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main", { configLines: ["log_statement=all"] });
  const from = endpoint.logCursor();
  expect(endpoint.logContains(/select 'marker-one'/)).toBeUndefined();
  await endpoint.sql`select 'marker-one'`;
  const found = await endpoint.assertLogContains(/select 'marker-one'/, { from });
  expect(endpoint.logContains(/select 'marker-one'/, found.cursor)).toBeUndefined();
  const missing = endpoint.assertLogContains(/select 'marker-two'/, { budgetMs: 200 });
  await expect(missing).rejects.toThrow(/^WAIT_TIMEOUT: ep-1: .*marker-two/);
});

test("the local file cache is small, for tests, or off", requires("neon_extension"), async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  expect(await endpoint.sql`show neon.file_cache_size_limit`).toEqual([
    { "neon.file_cache_size_limit": process.env["USE_LFC"] === "false" ? "0" : "1MB" },
  ]);
  expect(() => endpoint.config(["neon.max_file_cache_size = 512kB"])).toThrow(/^MISUSE: this size of the local file/);
});

// covers: test_wal_acceptor.py::test_sync_safekeepers
test(
  "sync-safekeepers brings all safekeepers to the same LSN",
  requires("neon_extension"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
    const written = await endpoint.flushLsn();
    await endpoint.stop({ immediate: true });
    const proposer = await env.newProposer({ tenantId: env.initialTenant, timelineId: env.initialTimeline });
    proposer.createDirConfig();
    const synchronised = await proposer.syncSafekeepers();
    expect(synchronised).toBeGreaterThanOrEqual(written);
    for (const safekeeper of env.safekeepers) {
      expect(await safekeeper.flushLsn(env.initialTenant, env.initialTimeline)).toBe(synchronised);
    }
  },
);

test(
  "a compute's buffers can be emptied, and its cache has its size again",
  requires("neon_extension"),
  async ({ neonSimpleEnv: env }) => {
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create extension neon_test_utils`;
    await endpoint.sql`create extension pg_buffercache`;
    await endpoint.sql`create table t as select generate_series(1, 10000) as i`;
    const cached = async (): Promise<unknown> => {
      const [row] = await endpoint.sql`
        select count(*)::int as n from pg_buffercache where relfilenode = pg_relation_filenode('t')`;
      return row?.["n"];
    };
    expect(await cached()).toBeGreaterThan(10);
    await endpoint.clearBuffers();
    expect(await cached()).toBe(0);
    expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 10000 }]);
    const [size] = await endpoint.sql`show neon.file_cache_size_limit`;
    expect(Object.values(size ?? {})).toEqual([process.env["USE_LFC"] === "false" ? "0" : "1MB"]);
  },
);

test("an endpoint at one LSN can't follow a primary as well", async ({ neonSimpleEnv: env }) => {
  const both = env.endpoints.create("main", { lsn: 0x16b5a50n, hotStandby: true });
  await expect(both).rejects.toThrow(/^MISUSE: .*\n {2}expected: lsn or hotStandby/);
});

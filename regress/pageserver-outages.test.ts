import { expect, randomFrom, requires, test } from "../fixtures";

// covers: test_pageserver_restarts_under_workload.py::test_pageserver_restarts_under_worload
test("a pageserver restarts under a writing compute, and has every row", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  let written = 0;
  let goesOn = true;
  const writer = (async () => {
    while (goesOn) {
      await endpoint.sql`insert into t select generate_series(1, 100)`;
      written += 100;
    }
  })();
  for (let round = 0; round < 3; round += 1) {
    await (round === 1 ? env.pageserver.kill9() : env.pageserver.stop());
    const before = written;
    // A compute writes to safekeepers; only what it has to read waits for the pageserver.
    await env.pageserver.start();
    await expect.poll(() => written, { timeout: 20_000 }).toBeGreaterThan(before);
  }
  goesOn = false;
  await writer;
  await env.waitForLastFlushLsn(endpoint);
  await endpoint.restart();
  expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: written }]);
});

// covers: test_pageserver_catchup.py, test_setup.py
test("pageserver and safekeepers restart while no compute runs, and the pageserver catches up", async ({
  neonEnvBuilder,
}) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
  await env.waitForLastFlushLsn(endpoint);
  await endpoint.sql`insert into t select generate_series(1001, 5000)`;
  const lsn = await endpoint.flushLsn();
  await endpoint.stop();
  await env.pageserver.kill9();
  await Promise.all(env.safekeepers.map((safekeeper) => safekeeper.restart()));
  await env.pageserver.start();
  await env.pageserver.waitForTenants();
  const last = () => env.pageserver.httpClient().lastRecordLsn(env.initialTenant, env.initialTimeline);
  await expect.poll(async () => (await last()) >= lsn, { timeout: 20_000 }).toBe(true);
  await endpoint.start();
  expect(await endpoint.sql`select count(*)::int as n, max(i)::int as max from t`).toEqual([{ n: 5000, max: 5000 }]);
});

// covers: test_pageserver_restart.py::test_pageserver_chaos
test("a pageserver is killed again and again while a compute writes and reads, and loses nothing", async ({
  neonEnvBuilder,
  seed,
}) => {
  const env = await neonEnvBuilder
    .with({ initialTenantConfig: { checkpoint_distance: 200_000, compaction_period: "1s", compaction_threshold: 3 } })
    .initStart();
  const random = randomFrom(seed);
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (id int primary key, n int)`;
  await endpoint.sql`insert into t select i, 0 from generate_series(1, 1000) as i`;
  let updates = 0;
  for (let round = 0; round < 4; round += 1) {
    const count = 100 + random(400);
    await endpoint.query(`update t set n = n + 1 where id <= ${count}`);
    updates += count;
    await env.pageserver.kill9();
    await env.pageserver.start();
  }
  await env.waitForLastFlushLsn(endpoint);
  await endpoint.restart();
  expect(await endpoint.sql`select sum(n)::int as sum, count(*)::int as n from t`).toEqual([{ sum: updates, n: 1000 }]);
});

// covers: test_pageserver_restart.py::test_pageserver_restart
test("the metrics of a start tell its phases, and that it is complete", async ({ neonSimpleEnv: env }) => {
  await env.pageserver.restart();
  const phases = async () => (await env.pageserver.httpClient().metrics()).all("pageserver_startup_duration_seconds");
  const names = async () => (await phases()).map((sample) => sample.labels["phase"]);
  await expect
    .poll(names, { timeout: 20_000 })
    .toEqual(expect.arrayContaining(["initial", "initial_tenant_load", "complete"]));
  for (const { value } of await phases()) expect(value).toBeGreaterThan(0);
  expect((await env.pageserver.httpClient().metrics()).value("pageserver_startup_is_loading")).toBe(0);
});

// covers: test_wal_receiver.py::test_pageserver_lsn_wait_error_start
test("a compute at an LSN that will never come is refused after a while", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ pageserverConfigOverride: { wait_lsn_timeout: "1s" } }).initStart();
  env.pageserver.allowedErrors.push(/Timed out while waiting for WAL record at LSN/);
  const session = await env.pageserver.connect();
  try {
    const ahead = `basebackup ${env.initialTenant} ${env.initialTimeline} F/FFFFFFFF`;
    await expect(session.copyBoth(ahead)).rejects.toThrow(/Timed out while waiting for WAL record at LSN/);
  } finally {
    session.destroy();
  }
});

// covers: test_remote_storage.py::test_empty_branch_remote_storage_upload
test("a branch that nobody wrote to is in remote storage as soon as it is made", async ({ neonSimpleEnv: env }) => {
  const branch = await env.createBranch("branch");
  const { initialTenant: tenant, pageserverRemoteStorage: storage } = env;
  expect((await storage.indexPart(tenant, branch)).disk_consistent_lsn).toMatch(/^0\/[0-9A-F]+$/);
  const before = new Set((await env.pageserver.httpClient().listTimelines(tenant)).map((each) => each.timeline_id));
  expect(before.has(branch)).toBe(true);
  await env.pageserver.tenantDetach(tenant);
  await env.pageserver.tenantAttach(tenant);
  await env.pageserver.waitForTenants();
  const after = (await env.pageserver.httpClient().listTimelines(tenant)).map((each) => each.timeline_id);
  expect(new Set(after)).toEqual(before);
});

// covers: test_timeline_gc_blocking.py
test(
  "garbage collection is held back while a timeline asks for it, through a restart",
  requires("testing"),
  async ({ neonEnvBuilder }) => {
    const byHand = { gc_period: "0s", compaction_period: "0s", pitr_interval: "0s", lsn_lease_length: "0s" };
    const env = await neonEnvBuilder.with({ initialTenantConfig: byHand }).initStart();
    const client = env.pageserver.httpClient();
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t (i int)`;
    /** Whether a collection of main with no horizon has moved the cutoff, although there is something newer. */
    const collects = async (): Promise<boolean> => {
      await endpoint.sql`insert into t select generate_series(1, 1000)`;
      await env.waitForLastFlushLsn(endpoint);
      // The cutoff goes no further than what is on disk.
      await client.checkpoint(env.initialTenant, env.initialTimeline, { compact: false });
      const cutoff = () => client.timelineLsn(env.initialTenant, env.initialTimeline, "latest_gc_cutoff_lsn");
      const before = await cutoff();
      await client.collectGarbage(env.initialTenant, env.initialTimeline, { gcHorizon: 0 });
      return (await cutoff()) > before;
    };
    const isBlocked = async () => (await client.tenant(env.initialTenant)).gc_blocking;
    expect([await isBlocked(), await collects()]).toEqual([undefined, true]);
    // One timeline of the tenant is enough to hold back all.
    const branch = await env.createBranch("branch");
    await client.blockGc(env.initialTenant, branch);
    const blocked = [expect.stringContaining("Manual"), false];
    expect([await isBlocked(), await collects()]).toEqual(blocked);
    await env.pageserver.restart();
    expect([await isBlocked(), await collects()]).toEqual(blocked);
    await client.unblockGc(env.initialTenant, branch);
    expect([await isBlocked(), await collects()]).toEqual([undefined, true]);
    await client.blockGc(env.initialTenant, branch);
    expect([await isBlocked(), await collects()]).toEqual(blocked);
    await client.deleteTimeline(env.initialTenant, branch);
    await expect.poll(isBlocked, { timeout: 10_000 }).toBeUndefined();
    expect(await collects()).toBe(true);
  },
);

// covers: test_pageserver_secondary.py::test_heatmap_uploads
test(
  "the heatmap names what the attached location has, and follows it",
  requires("secondaries", "testing"),
  async ({ neonSimpleEnv: env }) => {
    const client = env.pageserver.httpClient();
    const { initialTenant: tenant, initialTimeline: timeline, pageserverRemoteStorage: storage } = env;
    const endpoint = await env.endpoints.createStart("main");
    const compare = async () => {
      await client.uploadHeatmap(tenant);
      const heatmap = await storage.heatmap(tenant);
      expect(heatmap.timelines.map((each) => each.timeline_id)).toEqual([timeline]);
      const named = heatmap.timelines[0]?.layers.map((layer) => layer.name) ?? [];
      const { historic_layers: layers } = await client.layerMap(tenant, timeline);
      expect(new Set(named)).toEqual(new Set(layers.map((layer) => layer.layer_file_name)));
      return named.length;
    };
    const before = await compare();
    await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
    await env.waitForUpload(endpoint);
    await endpoint.stop();
    expect(await compare()).toBeGreaterThan(before);
  },
);

import { expect, requires, test } from "../../fixtures";

// covers: test_endpoint_crash.py::test_endpoint_crash
test.for(["SIGSEGV", "SIGABRT", "SIGKILL"] as const)(
  "a backend that ends by %s ends the others, and what was committed is there afterwards",
  async (signal, { neonSimpleEnv: env }) => {
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select 1 as i`;
    await using victim = await endpoint.connect();
    await using witness = await endpoint.connect();
    const [row] = await victim.sql`select pg_backend_pid() as pid`;
    await victim.query("begin; insert into t values (2)");
    process.kill(Number(row?.["pid"]), signal);
    const ended = async (): Promise<boolean> => {
      const outcome = await witness.sql`select 1`.then(
        () => "alive",
        () => "ended",
      );
      return outcome === "ended";
    };
    await expect.poll(ended, { timeout: 10_000 }).toBe(true);
    // Neon's compute ends, for its pages are gone; a stock Postgres begins anew. Both are well after a start.
    await endpoint.kill9();
    await endpoint.start();
    expect(await endpoint.sql`select i from t`).toEqual([{ i: 1 }]);
  },
);

// covers: test_wal_acceptor.py::test_wp_graceful_shutdown
test("a compute that is shut down leaves its last checkpoint with the safekeepers", async ({ neonSimpleEnv: env }) => {
  const { initialTenant: tenant, initialTimeline: timeline } = env;
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
  const before = await endpoint.flushLsn();
  await endpoint.stop();
  // The record of the shutdown checkpoint comes after everything else.
  expect(await env.safekeepers[0]?.commitLsn(tenant, timeline)).toBeGreaterThan(before);
  const { flush_lsn: flush, commit_lsn: commit } = await (
    env.safekeepers[0] as NonNullable<(typeof env.safekeepers)[0]>
  )
    .httpClient()
    .timelineStatus(tenant, timeline);
  expect(commit).toBe(flush);
});

// covers: test_wal_acceptor.py::test_restart_endpoint, test_wal_acceptor.py::test_restart_endpoint_after_switch_wal
test("a compute comes back from WAL that ends at the beginning of a segment", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  for (let round = 1; round <= 3; round += 1) {
    await endpoint.sql`insert into t values (${round}::int)`;
    await endpoint.sql`select pg_switch_wal()`;
    if (round === 2) await endpoint.kill9();
    else await endpoint.stop();
    await endpoint.start();
    expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: round }]);
  }
});

// covers: test_config.py::test_safekeepers_reconfigure_reorder
test("safekeepers in another order are no reason for another election", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  const term = async (): Promise<unknown> => {
    const status = await env.safekeepers[0]?.httpClient().timelineStatus(env.initialTenant, env.initialTimeline);
    return status?.acceptor_state.term;
  };
  const before = await term();
  await endpoint.reconfigure({ safekeepers: [3, 1, 2] });
  await endpoint.sql`insert into t values (1)`;
  expect(await term()).toBe(before);
});

// covers: test_pageserver_catchup.py::test_pageserver_catchup_while_compute_down
test("a pageserver gets what it missed while no compute is there", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
  const end = await endpoint.flushLsn();
  await using session = await endpoint.connect();
  await session.query("begin; insert into t select generate_series(1, 1000)");
  await env.pageserver.kill9();
  await session.sql`commit`;
  await endpoint.stop({ immediate: true, sksWaitWalreceiverGone: env.safekeepers });
  await env.pageserver.start();
  const client = env.pageserver.httpClient();
  const received = () => client.lastRecordLsn(env.initialTenant, env.initialTimeline);
  await expect.poll(received, { timeout: 30_000 }).toBeGreaterThan(end);
  // What they forget of this the next election finds out again.
  for (const safekeeper of env.safekeepers) await safekeeper.restart();
  await endpoint.start();
  expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 2000 }]);
});

// covers: test_basebackup_error.py::test_basebackup_error
test("a compute whose basebackup breaks off says so", requires("failpoints"), async ({ neonSimpleEnv: env }) => {
  env.pageserver.allowedErrors.push(/basebackup-before-control-file/);
  await env.pageserver.httpClient().configureFailpoints([["basebackup-before-control-file", "return"]]);
  const started = env.endpoints.createStart("main", { basebackupRequestTries: 1 });
  await expect(started).rejects.toThrow(/failed to get basebackup|basebackup-before-control-file/);
});

// covers: test_setup.py::test_fixture_restart
test("pageserver and safekeeper are stopped and started, twice each", async ({ neonSimpleEnv: env }) => {
  for (const node of [env.pageserver, ...env.safekeepers]) {
    for (let round = 0; round < 2; round += 1) {
      await node.stop();
      expect(node.isRunning()).toBe(false);
      await node.start();
    }
  }
  const endpoint = await env.endpoints.createStart("main");
  expect(await endpoint.sql`select 1 as one`).toEqual([{ one: 1 }]);
});

// covers: test_normal_work.py::test_normal_work
test("two tenants, one after the other, live their whole lives", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  for (let round = 0; round < 2; round += 1) {
    const { tenantId } = await env.createTenant();
    const endpoint = await env.endpoints.createStart("main", { tenantId });
    await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
    await endpoint.stop();
    await endpoint.start();
    expect(await endpoint.sql`select sum(i)::int from t`).toEqual([{ sum: 500_500 }]);
    await endpoint.stop();
    const [shard] = await env.tenantShards(tenantId);
    const pageserver = shard?.pageserver.httpClient();
    expect((await pageserver?.listTenants())?.map(({ id }) => String(id))).toContain(tenantId);
    await env.storageController.httpClient().deleteTenant(tenantId);
    expect((await pageserver?.listTenants())?.map(({ id }) => String(id))).not.toContain(tenantId);
  }
});

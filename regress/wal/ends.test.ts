import { expect, Lsn, requires, test } from "../../fixtures";
import type { Endpoint } from "../../fixtures";

const PAGE = 8192;
const PAGE_HEADER = 24;

/** Where the next record begins, in its page and in its segment; all that was written is flushed. */
async function position(endpoint: Endpoint): Promise<{ inPage: number; inSegment: number; segment: number }> {
  const [row] = await endpoint.sql`
    select (pg_current_wal_insert_lsn() - '0/0')::bigint::text as at,
           (select setting::int from pg_settings where name = 'wal_segment_size') as segment`;
  const at = BigInt(String(row?.["at"]));
  const segment = Number(row?.["segment"]);
  return { inPage: Number(at % BigInt(PAGE)), inSegment: Number(at % BigInt(segment)), segment };
}

const emit = (endpoint: Endpoint, bytes: number) =>
  endpoint.query("select pg_logical_emit_message(true, 'x', repeat('x', $1))", [bytes]);

/** Writes messages until the WAL ends exactly `left` bytes before the end of a page. */
async function endBeforePageEnd(endpoint: Endpoint, left: number): Promise<void> {
  // What a message and the commit behind it take besides the text; it is found out by writing one.
  let overhead: number | undefined;
  for (let round = 0; round < 100; round += 1) {
    const { inPage } = await position(endpoint);
    const rest = PAGE - inPage;
    // At the very end of a page the next record begins behind the next one's header.
    if (rest === (left === 0 ? PAGE - PAGE_HEADER : left)) return;
    const bytes = overhead === undefined ? 8 : rest - left - overhead;
    await emit(endpoint, bytes < 0 ? rest : bytes);
    const moved = (await position(endpoint)).inPage - inPage;
    // Something else may have been written meanwhile; then it does not fit, and the next round finds it out anew.
    if (moved > 0) overhead = moved - bytes;
  }
  throw new Error("the WAL never ended there");
}

// covers: test_crafted_wal_end.py::test_crafted_wal_end, test_wal_acceptor.py::test_restart_endpoint_wal_page_boundary
test.for([0, 8, 24, 200])(
  "a compute whose WAL ends %i bytes before the end of a page comes back, killed or stopped",
  async (left, { neonSimpleEnv: env }) => {
    const endpoint = await env.endpoints.createStart("main", { configLines: ["autovacuum=off", "wal_log_hints=off"] });
    await endpoint.sql`create table t (i int)`;
    await endpoint.sql`insert into t values (1)`;
    await endBeforePageEnd(endpoint, left);
    await endpoint.kill9();
    await endpoint.start();
    await endpoint.sql`insert into t values (2)`;
    await endBeforePageEnd(endpoint, left);
    await endpoint.stop();
    await endpoint.start();
    expect(await endpoint.sql`select i from t order by i`).toEqual([{ i: 1 }, { i: 2 }]);
    await env.waitForLastFlushLsn(endpoint);
  },
);

// covers: test_crafted_wal_end.py::test_crafted_wal_end
test.for([
  ["a record of many pages", 0],
  ["a record over a whole segment", 1],
] as const)("a compute comes back from WAL that ends with %s", async ([, segments], { neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  const bytes = segments * (await position(endpoint)).segment + 100_000;
  await endpoint.sql`create table t (i int)`;
  for (let round = 1; round <= 2; round += 1) {
    await endpoint.query(
      `begin; insert into t values (${round}); select pg_logical_emit_message(true, 'x', repeat('x', ${bytes})); commit`,
    );
    if (round === 1) await endpoint.kill9();
    else await endpoint.stop();
    await endpoint.start();
    expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: round }]);
  }
  await env.waitForLastFlushLsn(endpoint, { budgetMs: 40_000 });
});

// covers: test_twophase.py::test_twophase_at_wal_segment_start
test("a transaction that is prepared on the first page of a segment, where its compute started, is there on the next", async ({
  neonSimpleEnv: env,
}) => {
  const { initialTenant: tenant, initialTimeline: timeline } = env;
  const configLines = ["max_prepared_transactions=5", "autovacuum=off"];
  const endpoint = await env.endpoints.createStart("main", { configLines });
  await endpoint.sql`create table t (i int)`;
  await endpoint.sql`select pg_switch_wal()`;
  // Nothing is written behind it.
  const [row] = await endpoint.sql`select pg_current_wal_flush_lsn()::text as lsn`;
  const boundary = Lsn.parse(String(row?.["lsn"]));
  expect(boundary % (await endpoint.walSegmentBytes())).toBe(0n);
  const received = () => env.pageserver.httpClient().lastRecordLsn(tenant, timeline);
  await expect.poll(received, { timeout: 20_000 }).toBeGreaterThanOrEqual(boundary);
  await endpoint.stop({ immediate: true, sksWaitWalreceiverGone: env.safekeepers });
  await endpoint.start();
  await endpoint.query("begin; insert into t values (1); prepare transaction 'one'");
  expect((await position(endpoint)).inSegment).toBeLessThan(PAGE);
  // It reads the prepared transaction from the WAL.
  await endpoint.sql`checkpoint`;
  await env.waitForLastFlushLsn(endpoint);
  await env.createBranch("child");
  const child = await env.endpoints.createStart("child", { configLines });
  await child.sql`commit prepared 'one'`;
  expect(await child.sql`select i from t`).toEqual([{ i: 1 }]);
  await endpoint.restart();
  await endpoint.sql`rollback prepared 'one'`;
  expect(await endpoint.sql`select i from t`).toEqual([]);
});

// covers: test_ondemand_wal_download.py::test_on_demand_wal_download
test("a walsender sends WAL from before its compute was started", async ({ neonSimpleEnv: env, vanillaPg }) => {
  const first = await env.endpoints.createStart("main");
  await first.sql`create table t (i int)`;
  await first.sql`create publication p for table t`;
  await vanillaPg.start();
  await vanillaPg.sql`create table t (i int)`;
  const conninfo = (endpoint: Endpoint) => `host=127.0.0.1 port=${endpoint.pgPort} user=cloud_admin dbname=postgres`;
  await vanillaPg.query(`create subscription s connection '${conninfo(first)}' publication p`);
  await first.sql`insert into t values (1)`;
  const received = async () => vanillaPg.sql`select i from t order by i`;
  await expect.poll(received, { timeout: 30_000 }).toEqual([{ i: 1 }]);
  await vanillaPg.stop();
  await first.sql`insert into t values (2)`;
  await first.query("select pg_logical_emit_message(true, 'fill', repeat('x', 1000000)) from generate_series(1, 17)");
  await first.restart();
  await first.sql`insert into t values (3)`;
  await vanillaPg.start();
  await expect.poll(received, { timeout: 30_000 }).toEqual([{ i: 1 }, { i: 2 }, { i: 3 }]);
  await vanillaPg.sql`drop subscription s`;
});

// covers: test_wal_receiver.py::test_pageserver_lsn_wait_error_start, test_wal_receiver.py::test_pageserver_lsn_wait_error_safekeeper_stop
test(
  "a compute that wants an LSN which no WAL will reach is told how far the pageserver is",
  requires("static_endpoints"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ pageserverConfigOverride: { wait_lsn_timeout: "1s" } }).initStart();
    env.pageserver.allowedErrors.push(/Timed out while waiting for WAL record|Bad request: /);
    const main = await env.endpoints.createStart("main");
    await main.sql`create table t (i int)`;
    const end = await env.waitForLastFlushLsn(main);
    const ahead = await env.endpoints.create("main", { lsn: end + 100_000_000n });
    await expect(ahead.start({ basebackupRequestTries: 1 })).rejects.toThrow(
      /Timed out while waiting for WAL record at LSN .* to arrive, last_record_lsn/,
    );
    expect(await main.sql`select 1 as one`).toEqual([{ one: 1 }]);
  },
);

// covers: test_recovery.py::test_pageserver_recovery
test(
  "a pageserver that dies in the middle of a checkpoint gets from the safekeepers what it has lost",
  requires("failpoints"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.initStart();
    env.pageserver.allowedErrors.push(/./);
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select generate_series(1, 5000) as i`;
    await env.waitForLastFlushLsn(endpoint);
    const client = env.pageserver.httpClient();
    await client.configureFailpoints([["flush-frozen-exit", "exit"]]);
    const checkpoint = client.checkpoint(env.initialTenant, env.initialTimeline).catch(() => "ended");
    await expect.poll(() => env.pageserver.isRunning(), { timeout: 30_000 }).toBe(false);
    expect(await checkpoint).toBe("ended");
    await env.pageserver.start();
    await env.waitForLastFlushLsn(endpoint);
    await endpoint.restart();
    expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 5000 }]);
  },
);

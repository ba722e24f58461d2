import { expect, requires, test } from "../../fixtures";
import type { NeonEnv } from "../../fixtures";

/** Where each safekeeper believes the pageserver's remote storage to be. */
const remoteConsistent = ({ safekeepers, initialTenant, initialTimeline }: NeonEnv): Promise<bigint[]> =>
  Promise.all(
    safekeepers.map((sk) => sk.httpClient().timelineLsn(initialTenant, initialTimeline, "remote_consistent_lsn")),
  );

// covers: test_wal_acceptor.py::test_broker
test(
  "what the pageserver has uploaded becomes known to all safekeepers, and they remember it",
  requires("testing"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select generate_series(1, 100) as i`;
    const uploaded = await env.waitForUpload(endpoint);
    const allKnow = async (): Promise<boolean> => (await remoteConsistent(env)).every((lsn) => lsn >= uploaded);
    await expect.poll(allKnow, { timeout: 30_000 }).toBe(true);
    await endpoint.stop();
    await Promise.all(env.safekeepers.map((sk) => sk.httpClient().checkpoint(env.initialTenant, env.initialTimeline)));
    // Then nobody is there who could tell them again.
    await env.pageserver.stop();
    await Promise.all(env.safekeepers.map((sk) => sk.stop()));
    await Promise.all(env.safekeepers.map((sk) => sk.start()));
    expect(await allKnow()).toBe(true);
  },
);

// covers: test_wal_acceptor.py::test_broker_discovery
test("a pageserver that needs WAL finds safekeepers that tell nobody of themselves", async ({ neonEnvBuilder }) => {
  const quiet = ["--disable-periodic-broker-push"];
  const env = await neonEnvBuilder.with({ numSafekeepers: 3, safekeeperExtraOptions: quiet }).initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select 1 as i`;
  await env.pageserver.restart();
  await endpoint.sql`insert into t values (2)`;
  // It looks for them when somebody waits for WAL that it has not: here, a branch that begins there.
  await env.createBranch("child", { lsn: await endpoint.flushLsn() });
  const child = await env.endpoints.createStart("child");
  expect(await child.sql`select i from t order by i`).toEqual([{ i: 1 }, { i: 2 }]);
});

// covers: test_wal_acceptor_async.py::test_race_conditions
test("while the broker is away commits go on, and when it is back the pageserver catches up", async ({
  neonEnvBuilder,
}) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  await env.broker.kill9();
  await endpoint.sql`insert into t select generate_series(1, 1000)`;
  // One that starts without a broker knows of no safekeeper.
  await env.pageserver.restart();
  await endpoint.sql`insert into t select generate_series(1, 1000)`;
  await env.broker.start();
  await env.waitForLastFlushLsn(endpoint, { budgetMs: 40_000 });
  await endpoint.restart();
  expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 2000 }]);
});

// covers: test_wal_acceptor.py::test_idle_reconnections
test("nobody connects anew to a safekeeper while nothing is written", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const queries = async (query: string): Promise<number> => {
    const metrics = await Promise.all(env.safekeepers.map((sk) => sk.httpClient().metrics()));
    return metrics.reduce((sum, each) => sum + each.total("safekeeper_pg_queries_received_total", { query }), 0);
  };
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  await env.waitForLastFlushLsn(endpoint);
  const streams = await queries("START_REPLICATION");
  expect(streams).toBeGreaterThanOrEqual(1);
  expect(await queries("START_WAL_PUSH")).toBeGreaterThanOrEqual(3);
  const pushes = await queries("START_WAL_PUSH");
  const until = Date.now() + 6_000;
  await expect.poll(() => Date.now(), { timeout: 10_000, interval: 200 }).toBeGreaterThan(until);
  await env.waitForLastFlushLsn(endpoint);
  // Less than once a second each: one may change its mind once.
  expect(await queries("START_REPLICATION")).toBeLessThanOrEqual(streams + 2);
  expect(await queries("START_WAL_PUSH")).toBeLessThanOrEqual(pushes + 3);
});

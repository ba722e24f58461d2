import { expect, test } from "../../fixtures";
import type { Safekeeper } from "../../fixtures";
import { expectSameSegments, expectSameWal, waitForSameEnd } from "./same-wal";

type Three = [Safekeeper, Safekeeper, Safekeeper];

/** 17 MB of WAL, more than a segment, with hardly any work. */
const SEGMENT = [
  "select pg_logical_emit_message(true, 'fill', repeat('x', 1000000)) from generate_series(1, 17)",
  "insert into t values (1)",
];

// covers: test_wal_acceptor.py::test_late_init
test("a safekeeper that missed the beginning of a timeline gets all of it", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const [late, leaver, third] = env.safekeepers as Three;
  await late.stop();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
  await endpoint.stop();
  await leaver.stop();
  await late.start();

  await endpoint.start();
  await endpoint.sql`insert into t values (0)`;
  await expectSameWal(endpoint, [late, third], [1, 2, 3]);
  const [start, first] = await Promise.all(
    [late, third].map((sk) => sk.httpClient().timelineStatus(env.initialTenant, env.initialTimeline)),
  );
  expect(start?.timeline_start_lsn).toBe(first?.timeline_start_lsn);
  expect(start?.acceptor_state.term_history).toEqual(first?.acceptor_state.term_history);
});

// covers: test_wal_acceptor.py::test_lagging_sk
test("a safekeeper that lags by segments which the compute has no more is brought up to date", async ({
  neonEnvBuilder,
}) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const [lagging, second, third] = env.safekeepers as Three;
  const branch = { tenantId: env.initialTenant, timelineId: env.initialTimeline };
  const configLines = ["min_wal_size=32MB", "max_wal_size=32MB", "wal_keep_size=0"];
  const endpoint = await env.endpoints.createStart("main", { configLines });
  await endpoint.sql`create table t (i int)`;
  await waitForSameEnd([lagging, third], branch);
  await lagging.stop();
  for (let round = 0; round < 4; round += 1) for (const step of SEGMENT) await endpoint.query(step);
  await endpoint.sql`checkpoint`;
  // The next compute begins where the others' WAL ends, and so never had what is missing.
  await endpoint.restart();
  await second.stop();
  await lagging.start();
  await endpoint.sql`insert into t values (2)`;
  await expectSameWal(endpoint, [lagging, third], [1, 2, 3]);
  await second.start();
  await endpoint.start();
  expect(await endpoint.sql`select count(*)::int as n, max(i) from t`).toEqual([{ n: 5, max: 2 }]);
});

// covers: test_wal_acceptor.py::test_peer_recovery
test("a safekeeper gets what it missed from its peers, with no compute there", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const [behind, second, third] = env.safekeepers as Three;
  const branch = { tenantId: env.initialTenant, timelineId: env.initialTimeline };
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  await waitForSameEnd([behind, second], branch);
  await behind.stop();
  for (const step of SEGMENT) await endpoint.query(step);
  await waitForSameEnd([second, third], branch);
  await endpoint.stop({ sksWaitWalreceiverGone: [second, third] });

  await behind.start({ extraOptions: ["--peer-recovery=true"] });
  await waitForSameEnd([behind, second], branch);
  expectSameSegments(behind, second, branch);
  await third.stop();
  await endpoint.start();
  await endpoint.sql`insert into t values (2)`;
  expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 2 }]);
});

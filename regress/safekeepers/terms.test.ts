import { expect, Lsn, test } from "../../fixtures";
import type { Safekeeper } from "../../fixtures";
import { waitForSameEnd } from "./same-wal";

type Three = [Safekeeper, Safekeeper, Safekeeper];

// covers: test_wal_acceptor.py::test_timeline_status
test("each start of a compute is a new term; what is committed never goes back", async ({ neonSimpleEnv: env }) => {
  const { initialTenant: tenant, initialTimeline: timeline } = env;
  const client = (env.safekeepers[0] as Safekeeper).httpClient();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  const before = await client.timelineStatus(tenant, timeline);
  const dump = await client.debugDump({ all: true });
  expect(dump).toMatchObject({ timelines_count: 1, config: { id: 1 } });
  expect(dump.timelines.map(({ timeline_id }) => timeline_id)).toEqual([timeline]);
  expect((await client.debugDump({ tenantId: "de".repeat(16) as typeof tenant })).timelines).toEqual([]);

  await endpoint.restart();
  await endpoint.sql`insert into t values (10)`;
  const after = await client.timelineStatus(tenant, timeline);
  expect(after.acceptor_state.term).toBeGreaterThan(before.acceptor_state.term);
  expect(after.timeline_start_lsn).toBe(before.timeline_start_lsn);
  expect(after.acceptor_state.term_history.slice(0, before.acceptor_state.term_history.length)).toEqual(
    before.acceptor_state.term_history,
  );
  expect(Lsn.parse(after.commit_lsn)).toBeGreaterThan(Lsn.parse(before.commit_lsn));
  // The compute may write meanwhile.
  const [memory] = (await client.debugDump({ memory: true, timelineId: timeline })).timelines;
  const inMemory = Lsn.parse(memory?.memory?.mem_state.commit_lsn ?? "0/0");
  expect(inMemory).toBeGreaterThanOrEqual(Lsn.parse(after.commit_lsn));
  const last = await client.timelineStatus(tenant, timeline);
  expect(inMemory).toBeLessThanOrEqual(Lsn.parse(last.commit_lsn));
});

// covers: test_wal_acceptor.py::test_start_replication_term
test("WAL that isn't committed is for who knows the leader's term", async ({ neonSimpleEnv: env }) => {
  const branch = { tenantId: env.initialTenant, timelineId: env.initialTimeline };
  const safekeeper = env.safekeepers[0] as Safekeeper;
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  const status = await safekeeper.httpClient().timelineStatus(branch.tenantId, branch.timelineId);
  const { term } = status.acceptor_state;
  const read = async (inTerm: number): Promise<Buffer | undefined> => {
    const connection = await safekeeper.connect(branch);
    try {
      const sql = `START_REPLICATION ${status.timeline_start_lsn} (term='${inTerm}')`;
      for await (const message of await connection.copyBoth(sql)) return message;
      return undefined;
    } finally {
      connection.destroy();
    }
  };
  expect(String.fromCharCode((await read(term))?.[0] ?? 0)).toBe("w");
  await expect(read(term + 1)).rejects.toThrow(/failed to acquire term/);
});

// covers: test_wal_acceptor.py::test_term_bump
test("a term can be raised by hand, but not lowered, and the compute goes on", async ({ neonSimpleEnv: env }) => {
  const { initialTenant: tenant, initialTimeline: timeline } = env;
  const client = (env.safekeepers[0] as Safekeeper).httpClient();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  const { term } = (await client.timelineStatus(tenant, timeline)).acceptor_state;
  const raised = await client.bumpTerm(tenant, timeline, { term: term + 3 });
  expect(raised.current_term).toBeGreaterThanOrEqual(term + 3);
  const next = await client.bumpTerm(tenant, timeline);
  expect(next.current_term).toBeGreaterThan(raised.current_term);
  const refused = await client.bumpTerm(tenant, timeline, { term: 2 });
  expect(refused.current_term).toBe(refused.previous_term);
  expect(refused.current_term).toBeGreaterThanOrEqual(next.current_term);
  await endpoint.sql`insert into t values (1)`;
  expect(await endpoint.sql`select i from t`).toEqual([{ i: 1 }]);
});

// covers: test_wal_acceptor_async.py::test_wal_truncation
test("a tail that no majority has is cut off where a majority without it went on", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const { initialTenant: tenantId, initialTimeline: timelineId } = env;
  const [first, second, alone] = env.safekeepers as Three;
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 100) as i`;
  await waitForSameEnd(env.safekeepers, { tenantId, timelineId });
  await Promise.all([first.kill9(), second.kill9()]);
  const before = await alone.flushLsn(tenantId, timelineId);
  await using session = await endpoint.connect();
  const commit = session.sql`insert into t select -generate_series(1, 10000)`.then(
    () => "committed",
    () => "failed",
  );
  await expect.poll(() => alone.flushLsn(tenantId, timelineId)).toBeGreaterThan(before + 100_000n);
  await endpoint.kill9();
  expect(await commit).toBe("failed");
  await alone.kill9();
  await Promise.all([first.start(), second.start()]);

  await endpoint.start();
  await endpoint.sql`insert into t values (0)`;
  const tail = await endpoint.flushLsn();
  await alone.start();
  // Its own tail reached further: the end alone would not tell.
  await waitForSameEnd(env.safekeepers, { tenantId, timelineId });
  const fromLsn = await first.httpClient().timelineLsn(tenantId, timelineId, "timeline_start_lsn");
  const digests = env.safekeepers.map((sk) =>
    sk.httpClient().digest(tenantId, timelineId, { fromLsn, untilLsn: tail }),
  );
  expect(new Set((await Promise.all(digests)).map(({ sha256 }) => sha256)).size).toBe(1);
  expect(await endpoint.sql`select count(*)::int as n, min(i) from t`).toEqual([{ n: 101, min: 0 }]);
});

// covers: test_wal_acceptor_async.py::test_recovery_uncommitted
test("a tail that one of the next majority has is taken over by the next compute", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const { initialTenant: tenantId, initialTimeline: timelineId } = env;
  const [first, second, keeper] = env.safekeepers as Three;
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 100) as i`;
  await waitForSameEnd(env.safekeepers, { tenantId, timelineId });
  await Promise.all([first.kill9(), second.kill9()]);
  await using session = await endpoint.connect();
  const commit = session.sql`insert into t select -generate_series(1, 1000)`.catch(() => "failed");
  await endpoint.waitForBlockedCommit();
  const written = await endpoint.flushLsn();
  await expect.poll(() => keeper.flushLsn(tenantId, timelineId)).toBeGreaterThanOrEqual(written);
  await endpoint.kill9();
  expect(await commit).toBe("failed");

  await second.start();
  await endpoint.start();
  await endpoint.sql`insert into t values (0)`;
  // Nobody was told that it is committed, and yet it is: its WAL was complete where the next compute looked.
  expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 1101 }]);
  expect(await second.commitLsn(tenantId, timelineId)).toBeGreaterThan(written);
});

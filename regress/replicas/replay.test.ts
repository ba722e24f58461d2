import { expect, Lsn, requires, test } from "../../fixtures";
import type { Endpoint } from "../../fixtures";

/** What a replica says of WAL that arrived in another form than it left. */
const CORRUPT = /incorrect resource manager data|record with incorrect|invalid magic number|unexpected pageaddr/;

// covers: test_hot_standby.py::test_hot_standby
test(
  "records that a slow safekeeper sends in pieces arrive whole",
  requires("replicas", "failpoints"),
  async ({ neonSimpleEnv: env }) => {
    const primary = await env.endpoints.createStart("main");
    const replica = await env.endpoints.newReplicaStart(primary);
    for (const safekeeper of env.safekeepers) {
      await safekeeper.httpClient().configureFailpoints([["sk-send-wal-replica-sleep", "return(50)"]]);
    }
    await primary.sql`create table t as select i, repeat(i::text, 100) as filler from generate_series(1, 10000) as i`;
    await env.waitReplicaCaughtUp(primary, replica);
    const facts = "select count(*)::int as n, sum(length(filler))::int as bytes from t";
    expect(await replica.query(facts)).toEqual(await primary.query(facts));
    expect(replica.logContains(CORRUPT)).toBeUndefined();
  },
);

// covers: test_gin_redo.py::test_gin_redo
test("a replica replays what VACUUM does to a GIN index", requires("replicas"), async ({ neonSimpleEnv: env }) => {
  const primary = await env.endpoints.createStart("main");
  const replica = await env.endpoints.newReplicaStart(primary);
  await primary.sql`create table t (id int, i int4[])`;
  await primary.sql`create index t_i on t using gin (i)`;
  await primary.sql`insert into t select g, array[3, 1, g] from generate_series(1, 10000) as g`;
  await primary.sql`delete from t where id % 2 = 0`;
  await primary.sql`vacuum t`;
  await env.waitReplicaCaughtUp(primary, replica);
  await using session = await replica.connect();
  await session.sql`set enable_seqscan = off`;
  expect(await session.sql`select count(*)::int as n from t where i @> array[3]`).toEqual([{ n: 5000 }]);
  expect(await session.sql`select id from t where i @> array[9999]`).toEqual([{ id: 9999 }]);
  expect(await session.sql`select id from t where i @> array[9998]`).toEqual([]);
});

const slotXmin = async (primary: Endpoint): Promise<unknown> =>
  (await primary.sql`select xmin::text from pg_replication_slots where slot_name = 'wal_proposer_slot'`)[0]?.["xmin"];

// covers: test_hot_standby.py::test_hot_standby_feedback
test(
  "a primary's VACUUM leaves what a reader of the replica still sees, and only for as long as it reads",
  requires("replicas"),
  async ({ neonSimpleEnv: env }) => {
    const primary = await env.endpoints.createStart("main", { configLines: ["autovacuum=off"] });
    await primary.sql`create table t as select generate_series(1, 1000) as i`;
    const configLines = [
      ...["hot_standby_feedback=on", "wal_receiver_status_interval=1s", "max_standby_streaming_delay=0"],
    ];
    const replica = await env.endpoints.newReplicaStart(primary, { configLines });
    await env.waitReplicaCaughtUp(primary, replica);
    await using reader = await replica.connect();
    await reader.sql`begin isolation level repeatable read`;
    expect(await reader.sql`select count(*)::int as n from t`).toEqual([{ n: 1000 }]);
    await expect.poll(() => slotXmin(primary), { timeout: 30_000 }).toMatch(/^\d+$/);
    await primary.sql`delete from t where i <= 500`;
    await primary.sql`vacuum t`;
    await env.waitReplicaCaughtUp(primary, replica);
    expect(await reader.sql`select count(*)::int as n from t`).toEqual([{ n: 1000 }]);
    await reader.sql`commit`;
    await replica.stop();
    await expect.poll(async () => (await slotXmin(primary)) ?? "none", { timeout: 30_000 }).toBe("none");
  },
);

// covers: test_hot_standby.py::test_replica_query_race
test(
  "a reader of the replica sees a counter only rise, and never ahead of the primary",
  requires("replicas"),
  async ({ neonSimpleEnv: env }) => {
    const primary = await env.endpoints.createStart("main");
    await primary.sql`create table t as select 0 as counter`;
    const replica = await env.endpoints.newReplicaStart(primary);
    await env.waitReplicaCaughtUp(primary, replica);
    let written = 0;
    const write = async (): Promise<void> => {
      await using session = await primary.connect();
      for (let i = 1; i <= 500; i += 1) {
        written = i;
        await session.query(`update t set counter = ${i}`);
      }
    };
    const writing = write();
    await using reader = await replica.connect();
    let seen = 0;
    for (let last = 0; seen < 500; last = seen) {
      seen = Number((await reader.sql`select counter from t`)[0]?.["counter"]);
      expect(seen).toBeGreaterThanOrEqual(last);
      expect(seen).toBeLessThanOrEqual(written);
      if (written === 500) await env.waitReplicaCaughtUp(primary, replica);
    }
    await writing;
  },
);

const replayed = async (replica: Endpoint): Promise<Lsn> =>
  Lsn.parse(String((await replica.sql`select pg_last_wal_replay_lsn()::text as lsn`)[0]?.["lsn"]));

// covers: test_hot_standby.py::test_hot_standby_gc
test.for([false, true])(
  "garbage collection leaves what a replica reads, its replay paused: %s",
  requires("replicas", "testing"),
  async (isPaused, { neonEnvBuilder }) => {
    const byHand = { gc_period: "0s", compaction_period: "0s", pitr_interval: "0s", lsn_lease_length: "0s" };
    const env = await neonEnvBuilder.with({ initialTenantConfig: byHand }).initStart();
    const { initialTenant: tenant, initialTimeline: timeline } = env;
    const primary = await env.endpoints.createStart("main");
    await primary.sql`create table t as select generate_series(1, 1000) as i`;
    await primary.sql`create table u as select generate_series(1, 1000) as i`;
    // Neon's safekeepers pass on how far a replica is when that sends feedback (at c47c5f4ace).
    const configLines = ["wal_receiver_status_interval=1s", "hot_standby_feedback=on"];
    const replica = await env.endpoints.newReplicaStart(primary, { configLines });
    await env.waitReplicaCaughtUp(primary, replica);
    if (isPaused) await replica.sql`select pg_wal_replay_pause()`;
    const before = await replayed(replica);
    await primary.sql`update t set i = -i`;
    const end = await env.waitForLastFlushLsn(primary);
    const client = env.pageserver.httpClient();
    await client.checkpoint(tenant, timeline, { forceImageLayerCreation: true });
    if (!isPaused) await replica.waitForReplay(end);
    /** Where the cutoff is after a collection that knows how far the replica is; it hears of that by way of the broker. */
    const collect = async (atLeast: Lsn): Promise<Lsn> => {
      const horizon = async () =>
        (await client.metrics()).total("pageserver_standby_horizon", { timeline_id: timeline });
      await expect.poll(horizon, { timeout: 20_000 }).toBeGreaterThanOrEqual(Number(atLeast));
      await client.collectGarbage(tenant, timeline, { gcHorizon: 0 });
      return client.timelineLsn(tenant, timeline, "latest_gc_cutoff_lsn");
    };
    const cutoff = await collect(isPaused ? before : end);
    if (isPaused) expect(cutoff).toBeLessThanOrEqual(before);
    else expect(cutoff).toBeGreaterThan(before);
    const sum = isPaused ? 500_500 : -500_500;
    expect(await replica.sql`select sum(i)::int from t`).toEqual([{ sum }]);
    expect(await replica.sql`select sum(i)::int from u`).toEqual([{ sum: 500_500 }]);
    if (!isPaused) return;
    await replica.sql`select pg_wal_replay_resume()`;
    await env.waitReplicaCaughtUp(primary, replica);
    expect(await replica.sql`select sum(i)::int from t`).toEqual([{ sum: -500_500 }]);
    expect(await collect(end)).toBeGreaterThan(before);
  },
);

// covers: test_physical_replication.py::test_physical_replication
test(
  "a replica that is started and read again and again has each time what was committed",
  requires("replicas"),
  async ({ neonSimpleEnv: env }) => {
    const primary = await env.endpoints.createStart("main");
    await primary.sql`create table t (pk bigint primary key, payload text default repeat('?', 200))`;
    const replica = await env.endpoints.newReplicaStart(primary);
    for (let round = 1; round <= 3; round += 1) {
      await primary.query(`insert into t (pk) select generate_series(${round * 1000 + 1}, ${round * 1000 + 500})`);
      await env.waitReplicaCaughtUp(primary, replica);
      expect(await replica.sql`select count(*)::int as n from t`).toEqual([{ n: round * 500 }]);
      await replica.restart();
      expect(await replica.sql`select max(pk)::int from t`).toEqual([{ max: round * 1000 + 500 }]);
    }
  },
);

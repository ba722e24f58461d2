import { expect, requires, test } from "../../fixtures";
import type { Endpoint } from "../../fixtures";

const subscribe = (publisher: Endpoint, more = ""): string =>
  `create subscription s connection 'host=127.0.0.1 port=${publisher.pgPort} user=cloud_admin dbname=postgres' publication p${more}`;

const count =
  (server: { query(text: string): Promise<Record<string, unknown>[]> }, table = "t") =>
  async () =>
    (await server.query(`select count(*)::int as n from ${table}`))[0]?.["n"];

const WAIT = { timeout: 30_000 };

/** What leaves mapping files behind for a slot that has yet to decode what stood there before. */
const REWRITES = [
  "insert into r (a) values (1)",
  "begin; insert into r (a) values (2); alter table r add column b int; insert into r (a, b) values (3, 1); commit",
  ...["pg_am", "pg_proc", "pg_opclass", "pg_type", "pg_index", "pg_database"].map((table) => `vacuum full ${table}`),
  "begin; cluster pg_class using pg_class_oid_index; cluster pg_class using pg_class_oid_index; rollback",
  "begin; cluster pg_class using pg_class_oid_index; cluster pg_class using pg_class_oid_index; commit",
  "vacuum full pg_class",
  "reindex table pg_class",
  "insert into r (a, b) values (5, 3)",
  "begin; insert into r (a, b) values (6, 4); alter table r add column c int; insert into r (a, b, c) values (7, 5, 1); commit",
];

// covers: test_logical_replication.py::test_logical_replication
test("a subscriber that was away while catalogs were rewritten gets every row, over restarts of the publisher", async ({
  neonSimpleEnv: env,
  vanillaPg,
}) => {
  const publisher = await env.endpoints.createStart("main");
  await publisher.query("create table r (id serial primary key, a int)");
  await publisher.sql`create publication p for table r`;
  await vanillaPg.start();
  await vanillaPg.query("create table r (id serial primary key, a int, b int, c int)");
  await vanillaPg.query(subscribe(publisher));
  await publisher.sql`insert into r (a) values (0)`;
  await expect.poll(count(vanillaPg, "r"), WAIT).toBe(1);
  await vanillaPg.stop();
  for (const statement of REWRITES) await publisher.query(statement);
  await publisher.stop();
  await publisher.start();
  await vanillaPg.start();
  await expect.poll(count(vanillaPg, "r"), WAIT).toBe(7);
  const all = "select a, b, c from r order by a, b, c";
  expect(await vanillaPg.query(all)).toEqual(await publisher.query(all));

  // A slot that is dropped stays so.
  await vanillaPg.stop();
  const inactive = async () =>
    publisher.sql`select slot_name from pg_replication_slots where active and slot_name = 's'`;
  await expect.poll(inactive, WAIT).toEqual([]);
  await publisher.sql`select pg_drop_replication_slot('s')`;
  await publisher.sql`insert into r (a) values (8)`;
  await env.waitForLastFlushLsn(publisher);
  await publisher.restart();
  expect(await publisher.sql`select slot_name from pg_replication_slots where slot_type = 'logical'`).toEqual([]);
});

// covers: test_logical_replication.py::test_restart_endpoint, test_subscriber_restart.py::test_subscriber_restart
test("subscriber and publisher are restarted in turn, and no row is lost or doubled", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.initStart();
  await env.createBranch("subscriber");
  const publisher = await env.endpoints.createStart("main");
  const subscriber = await env.endpoints.createStart("subscriber");
  await publisher.sql`create table t (pk serial primary key, i int)`;
  await subscriber.sql`create table t (pk int primary key, i int)`;
  await publisher.sql`create publication p for table t`;
  await subscriber.query(subscribe(publisher));
  for (let round = 1; round <= 3; round += 1) {
    await publisher.sql`insert into t (i) select generate_series(1, 200)`;
    if (round === 2) await publisher.restart();
    else await subscriber.restart();
    await publisher.sql`insert into t (i) values (0)`;
    await expect.poll(count(subscriber), WAIT).toBe(round * 201);
  }
  expect(await subscriber.sql`select count(distinct pk)::int as n from t`).toEqual([{ n: 603 }]);
  await subscriber.sql`drop subscription s`;
});

// covers: test_logical_replication.py::test_large_records
test("records of many pages are decoded, after a restart, too", async ({ neonSimpleEnv: env, vanillaPg }) => {
  const publisher = await env.endpoints.createStart("main");
  for (const server of [publisher, vanillaPg]) {
    if (server === vanillaPg) await vanillaPg.start();
    await server.query("create table t (pk int primary key, payload text)");
    await server.query("create table u (payload text)");
    await server.query("alter table u replica identity full");
  }
  await publisher.sql`create publication p for table t, u`;
  await vanillaPg.query(subscribe(publisher));
  await publisher.query("insert into t select 1, repeat('x', 1000000)");
  await publisher.query("insert into u select string_agg(md5(i::text), '') from generate_series(1, 20000) as i");
  await publisher.restart();
  await publisher.query(
    "update u set payload = (select string_agg(md5(i::text), '') from generate_series(1, 30000) as i)",
  );
  const same = async (): Promise<boolean> => {
    const facts = "select (select md5(string_agg(payload, '')) from u) as u, (select md5(payload) from t) as t";
    const [ours, theirs] = await Promise.all([publisher.query(facts), vanillaPg.query(facts)]);
    return JSON.stringify(ours) === JSON.stringify(theirs);
  };
  await expect.poll(same, WAIT).toBe(true);
  await vanillaPg.sql`drop subscription s`;
});

// covers: test_logical_replication.py::test_ondemand_wal_download_in_replication_slot_funcs
test("a slot decodes WAL that only the safekeepers have, more than once, and is moved over it", async ({
  neonEnvBuilder,
}) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const first = await env.endpoints.createStart("main");
  await first.sql`create table t (id serial primary key, data text)`;
  await first.query("select pg_create_logical_replication_slot('s', 'test_decoding')");
  const fill = "insert into t (data) select repeat('A', 1024) from generate_series(1, 17000)";
  await first.query(fill);
  await env.waitForLastFlushLsn(first);
  await first.stopAndDestroy();
  const second = await env.endpoints.createStart("main");
  const peek =
    "select count(*)::int as n from pg_logical_slot_peek_binary_changes('s', null, null, 'include-xids', '0')";
  const [once, again] = [await second.query(peek), await second.query(peek)];
  expect(once[0]?.["n"]).toBeGreaterThan(17_000);
  expect(again).toEqual(once);
  await second.restart();
  await second.query("select pg_replication_slot_advance('s', pg_current_wal_lsn())");
  expect(Number((await second.query(peek))[0]?.["n"])).toBeLessThan(10);
});

// covers: test_logical_replication.py::test_replication_shutdown
test("a publisher stops while its subscriber is there, with everything sent", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.initStart();
  const publisher = await env.endpoints.createStart("main");
  await env.createBranch("subscriber");
  const subscriber = await env.endpoints.createStart("subscriber");
  for (const server of [publisher, subscriber]) await server.sql`create table t (i int)`;
  await publisher.sql`create publication p for table t`;
  await subscriber.query(subscribe(publisher));
  await publisher.sql`insert into t select generate_series(1, 1000)`;
  await expect.poll(count(subscriber), WAIT).toBe(1000);
  await publisher.sql`insert into t select generate_series(1, 1000)`;
  await publisher.stop({ budgetMs: 20_000 });
  // It has left nothing for later: the publisher that sends is not there.
  await expect.poll(count(subscriber), WAIT).toBe(2000);
  await publisher.start();
  await publisher.sql`insert into t values (0)`;
  await expect.poll(count(subscriber), WAIT).toBe(2001);
  await subscriber.sql`drop subscription s`;
});

// covers: test_logical_replication.py::test_obsolete_slot_drop
test(
  "slots that keep too many files of snapshots are dropped",
  requires("neon_extension"),
  async ({ neonSimpleEnv: env, vanillaPg }) => {
    const configLines = ["neon.logical_replication_max_snap_files=1"];
    const publisher = await env.endpoints.createStart("main", { configLines });
    await publisher.query("select pg_create_logical_replication_slot('stale', 'pgoutput')");
    for (const server of [publisher, vanillaPg]) {
      if (server === vanillaPg) await vanillaPg.start();
      await server.query("create table t (pk int primary key)");
    }
    await publisher.sql`create publication p for table t`;
    await vanillaPg.query(subscribe(publisher));
    const stale = async () => publisher.sql`select slot_name from pg_replication_slots where slot_name = 'stale'`;
    await expect.poll(stale, { timeout: 40_000 }).toEqual([]);
  },
);

// covers: test_logical_replication.py::test_lr_with_slow_safekeeper
test(
  "a publisher waits for WAL that it has to get from a slow safekeeper",
  requires("neon_extension", "failpoints"),
  async ({ neonEnvBuilder, vanillaPg }) => {
    const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
    const first = await env.endpoints.createStart("main");
    await first.sql`create table t (i int)`;
    await first.sql`create publication p for table t`;
    await first.sql`insert into t values (1)`;
    await vanillaPg.start();
    await vanillaPg.sql`create table t (i int)`;
    await vanillaPg.query(subscribe(first));
    await expect.poll(count(vanillaPg), WAIT).toBe(1);
    await vanillaPg.stop();
    await first.sql`insert into t values (2)`;
    await env.waitForLastFlushLsn(first);
    for (const sk of env.safekeepers) await sk.httpClient().configureFailpoints([["sk-pause-send", "return"]]);
    await first.stopAndDestroy();
    const second = await env.endpoints.createStart("main");
    expect(await second.sql`select i from t order by i`).toEqual([{ i: 1 }, { i: 2 }]);
    await vanillaPg.start();
    const conninfo = `host=127.0.0.1 port=${second.pgPort} user=cloud_admin dbname=postgres`;
    await vanillaPg.query(`alter subscription s connection '${conninfo}'`);
    const active = async () => second.sql`select active from pg_replication_slots where slot_name = 's'`;
    await expect.poll(active, WAIT).toEqual([{ active: true }]);
    expect(await count(vanillaPg)()).toBe(1);
    for (const sk of env.safekeepers) await sk.httpClient().clearFailpoints(["sk-pause-send"]);
    await expect.poll(count(vanillaPg), WAIT).toBe(2);
    await vanillaPg.sql`drop subscription s`;
  },
);

import { expect, requires, test } from "../fixtures";

const CREATE = "select pg_create_logical_replication_slot('s', 'test_decoding')";
const CHANGES = "select data from pg_logical_slot_get_changes('s', null, null, 'skip-empty-xacts', '1')";

/** The values of `t.i` that the changes insert. */
const inserted = (rows: readonly Record<string, unknown>[]): number[] =>
  rows.flatMap(({ data }) => {
    const value = /^table public\.t: INSERT: i\[integer\]:(-?\d+)/.exec(String(data))?.[1];
    return value === undefined ? [] : [Number(value)];
  });

// covers: test_logical_replication.py::test_restart_endpoint
test("a logical slot survives restarts of its compute", requires("testing"), async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.query(CREATE);
  await endpoint.sql`create table t (i int)`;
  await endpoint.sql`insert into t values (1)`;
  await endpoint.stop();
  await endpoint.start();
  expect(inserted(await endpoint.query(CHANGES))).toEqual([1]);

  // The next compute begins with an image that is newer than what is to be decoded.
  await endpoint.sql`insert into t select generate_series(2, 5000)`;
  await endpoint.sql`checkpoint`;
  await env.waitForLastFlushLsn(endpoint);
  const client = env.pageserver.httpClient();
  await client.checkpoint(env.initialTenant, env.initialTimeline, { forceImageLayerCreation: true });
  await endpoint.sql`insert into t values (-1)`;
  await endpoint.stop();
  await endpoint.start();
  const values = inserted(await endpoint.query(CHANGES));
  expect(values.length).toBe(5000);
  expect(values.at(-1)).toBe(-1);
  expect(await endpoint.query(CHANGES)).toEqual([]);
});

// covers: test_logical_replication.py::test_slots_and_branching
test("a branch does not inherit slots, and its own are its own", async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.query(CREATE);
  await main.sql`create table t (i int)`;
  await main.sql`insert into t values (1)`;
  await main.stop();
  await main.start();
  await env.waitForLastFlushLsn(main);
  await env.createBranch("child");

  const child = await env.endpoints.createStart("child");
  expect(await child.sql`select slot_name from pg_replication_slots where slot_type = 'logical'`).toEqual([]);
  await child.query(CREATE);
  await child.sql`insert into t values (2)`;
  await child.stop();
  await child.start();
  expect(inserted(await child.query(CHANGES))).toEqual([2]);
  expect(inserted(await main.query(CHANGES))).toEqual([1]);
});

// covers: test_subscriber_restart.py::test_subscriber_restart, test_logical_replication.py::test_logical_replication
test("a subscriber gets every row once, whatever happens to its publisher", async ({
  neonSimpleEnv: env,
  vanillaPg,
}) => {
  const publisher = await env.endpoints.createStart("main");
  await publisher.sql`create table t (i int primary key, pad text)`;
  await publisher.sql`create publication p for table t`;
  await vanillaPg.start();
  await vanillaPg.sql`create table t (i int primary key, pad text)`;
  const conninfo = `host=127.0.0.1 port=${publisher.pgPort} user=cloud_admin dbname=postgres`;
  await vanillaPg.query(`create subscription s connection '${conninfo}' publication p`);

  for (let round = 0; round < 3; round += 1) {
    await publisher.query("insert into t select i, repeat('x', 100) from generate_series($1::int, $2::int) as i", [
      round * 1000 + 1,
      (round + 1) * 1000,
    ]);
    const count = async () => (await vanillaPg.sql`select count(*)::int as n from t`)[0]?.["n"];
    await expect.poll(count, { timeout: 30_000 }).toBe((round + 1) * 1000 + round);
    await publisher.sql`insert into t values (${-round})`;
    if (round === 1) await publisher.stop();
    else await publisher.kill9();
    await publisher.start();
  }
  const facts = async () => vanillaPg.sql`select count(*)::int as n, sum(i)::int as sum from t`;
  await expect.poll(facts, { timeout: 30_000 }).toEqual([{ n: 3003, sum: 4_501_500 - 3 }]);
  await vanillaPg.sql`drop subscription s`;
});

import { expect, test } from "../../fixtures";
import type { Endpoint } from "../../fixtures";

// covers: test_multixact.py::test_multixact
test("rows that many sessions have locked at once are so on a branch, too", async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t (i int primary key, v int)`;
  await main.sql`insert into t select i, 0 from generate_series(1, 100) as i`;
  const sessions = await Promise.all(Array.from({ length: 6 }, () => main.connect()));
  for (const [index, session] of sessions.entries()) {
    await session.sql`begin`;
    await session.sql`select * from t for key share`;
    if (index % 2 === 0) await session.query(`update t set v = v + 1 where i = ${index + 1}`);
  }
  for (const session of sessions) {
    await session.sql`commit`;
    await session.close();
  }
  const next = "select next_multixact_id::text as id, next_multi_offset::text as offset from pg_control_checkpoint()";
  await main.sql`checkpoint`;
  const [control] = await main.query(next);
  expect(Number(control?.["id"])).toBeGreaterThan(5);
  await env.waitForLastFlushLsn(main);
  await env.createBranch("child");
  const child = await env.endpoints.createStart("child");
  // Vacuum reads the members of every multixact that it freezes.
  await child.sql`vacuum freeze t`;
  expect(await child.sql`select count(*)::int as n, sum(v)::int from t`).toEqual([{ n: 100, sum: 3 }]);
  await child.sql`checkpoint`;
  const [branched] = await child.query(next);
  expect(Number(branched?.["id"])).toBeGreaterThanOrEqual(Number(control?.["id"]));
  await main.kill9();
  await main.start();
  await main.sql`vacuum freeze t`;
  expect(await main.sql`select count(*)::int as n, sum(v)::int from t`).toEqual([{ n: 100, sum: 3 }]);
});

/** A cursor that must still see the rows as they were when it was opened, whatever its own transaction does to them. */
const OPEN_CURSOR = "declare c cursor for select id from t";

// covers: test_combocid.py::test_combocid_delete, test_combocid.py::test_combocid_update, test_combocid.py::test_combocid_lock, test_combocid.py::test_combocid_multi_insert, test_combocid.py::test_combocid
test.for([
  ["deleted", "delete from t"],
  ["updated", "update t set v = v + 1"],
  ["locked", "select * from t for update"],
] as const)(
  "rows of the own transaction that are %s behind an open cursor stay in it",
  async ([, change], { neonSimpleEnv: env }) => {
    // Few buffers, so that the pages are written and read again meanwhile.
    const endpoint = await env.endpoints.createStart("main", { configLines: ["shared_buffers=1MB"] });
    await endpoint.query("create table t (id int, v int, filler text default repeat('x', 500))");
    await endpoint.query("create table other as select repeat('y', 1000) as filler from generate_series(1, 5000)");
    await using session = await endpoint.connect();
    await session.sql`begin`;
    await session.sql`insert into t select i, 0 from generate_series(1, 500) as i`;
    await session.query("savepoint a");
    await session.sql`update t set v = v + 1 where id <= 250`;
    await session.query(OPEN_CURSOR);
    await session.query(change);
    await session.sql`select count(*), sum(length(filler)) from other`;
    expect(await session.query("fetch all from c")).toHaveLength(500);
    await session.query("rollback to savepoint a");
    expect(await session.sql`select count(*)::int as n, sum(v)::int from t`).toEqual([{ n: 500, sum: 0 }]);
    await session.sql`commit`;
    await endpoint.kill9();
    await endpoint.start();
    expect(await endpoint.sql`select count(*)::int as n, sum(v)::int from t`).toEqual([{ n: 500, sum: 0 }]);
  },
);

/** Uses up more than a million transaction ids: one segment of pg_xact has the states of as many. */
async function consumeXids(endpoint: Endpoint, isNeon: boolean): Promise<void> {
  if (isNeon) {
    await endpoint.sql`create extension neon_test_utils`;
    await endpoint.sql`select test_consume_xids(1100000)`;
    return;
  }
  await endpoint.query(`do $$ begin for j in 1..34 loop
    for i in 1..32768 loop
      begin perform pg_logical_emit_message(true, '', ''); exception when others then null; end;
    end loop; commit; end loop; end $$`);
}

// covers: test_clog_truncate.py::test_clog_truncate
test("a branch from before transaction states were cut off, and one from after it, both start", async ({
  neonSimpleEnv: env,
}) => {
  const configLines = ["autovacuum=off"];
  const main = await env.endpoints.createStart("main", { configLines });
  await main.sql`create table t (i int)`;
  await main.sql`insert into t select generate_series(1, 1000)`;
  await consumeXids(main, env.engine.facts.features.has("neon_extension"));
  await main.sql`insert into t values (0)`;
  const before = await main.flushLsn();
  const firstSegment = (endpoint: Endpoint) =>
    endpoint.sql`select name from pg_ls_dir('pg_xact') as name where name = '0000'`;
  expect(await firstSegment(main)).toHaveLength(1);
  await main.sql`alter database template0 allow_connections true`;
  for (const database of ["template0", "template1", "postgres"]) await main.query("vacuum freeze", [], { database });
  await main.sql`checkpoint`;
  expect(await firstSegment(main)).toEqual([]);
  await env.waitForLastFlushLsn(main);
  await env.createBranch("before", { lsn: before });
  await env.createBranch("after");
  for (const [name, segments] of [
    ["before", 1],
    ["after", 0],
  ] as const) {
    const branch = await env.endpoints.createStart(name, { configLines });
    expect(await firstSegment(branch), name).toHaveLength(segments);
    expect(await branch.sql`select count(*)::int as n from t`).toEqual([{ n: 1001 }]);
    await branch.stop();
  }
});

// covers: test_next_xid.py::test_next_xid
test("transaction ids are not used twice, however the computes end", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (xid xid8)`;
  const seen: bigint[] = [];
  for (let round = 0; round < 4; round += 1) {
    for (let i = 0; i < 3; i += 1) {
      const [row] = await endpoint.sql`insert into t values (pg_current_xact_id()) returning xid::text as xid`;
      seen.push(BigInt(String(row?.["xid"])));
    }
    if (round % 2 === 0) await endpoint.kill9();
    else await endpoint.stop();
    await endpoint.start();
  }
  expect(seen.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(seen);
  expect(new Set(seen).size).toBe(seen.length);
  expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: seen.length }]);
});

// covers: test_subxacts.py::test_subxacts
test("transactions of more parts than a page of their states has survive a restart and a branch", async ({
  neonSimpleEnv: env,
}) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t (i int)`;
  const insert = (sign: number) => `do $$ begin for i in 1..20000 loop
    begin insert into t values (${sign} * i); if i % 2 = 0 then raise exception 'no'; end if;
    exception when others then null; end; end loop; end $$`;
  await main.query(insert(1));
  await using session = await main.connect();
  await session.sql`begin`;
  await session.query(insert(-1));
  await main.sql`create table other ()`;
  await env.waitForLastFlushLsn(main);
  await env.createBranch("child");
  await session.sql`commit`;
  const child = await env.endpoints.createStart("child");
  expect(await child.sql`select count(*)::int as n, min(i) from t`).toEqual([{ n: 10_000, min: 1 }]);
  await main.restart();
  expect(await main.sql`select count(*)::int as n, min(i) from t`).toEqual([{ n: 20_000, min: -19_999 }]);
});

// covers: test_pg_regress.py::test_tx_abort_with_many_relations
test("a transaction that made very many tables is rolled back", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main", { configLines: ["max_locks_per_transaction=2000"] });
  const create = (n: number) => `do $$ begin for i in 1..${n} loop
    execute format('create table many_%s (i int primary key)', i); end loop; end $$`;
  await using session = await endpoint.connect();
  await session.sql`begin`;
  await session.query(create(500));
  await session.sql`rollback`;
  await session.sql`begin`;
  await session.query(create(500));
  await endpoint.kill9();
  await endpoint.start();
  expect(await endpoint.sql`select count(*)::int as n from pg_class where relname like 'many_%'`).toEqual([{ n: 0 }]);
  await endpoint.query(create(20));
  expect(await endpoint.sql`select count(*)::int as n from many_20`).toEqual([{ n: 0 }]);
});

const bits = (endpoint: Endpoint): Promise<Record<string, unknown>[]> =>
  endpoint.sql`select all_visible::int as visible, all_frozen::int as frozen from pg_visibility_map_summary('t')`;

// covers: test_vm_bits.py::test_vm_bit_clear, test_vm_bits.py::test_vm_bit_clear_on_heap_lock_blackbox, test_vm_bits.py::test_vm_bit_clear_on_heap_lock_whitebox, test_vm_bits.py::test_check_visibility_map
test.for([
  ["deleted", "delete from t where i = 1"],
  ["updated", "update t set i = -1 where i = 1"],
  ["locked", "select * from t where i = 1 for update"],
] as const)(
  "a page one of whose rows is %s is not marked all frozen any more, after a restart and on a branch",
  async ([how, change], { neonSimpleEnv: env }) => {
    const main = await env.endpoints.createStart("main", { configLines: ["autovacuum=off"] });
    await main.sql`create extension pg_visibility`;
    await main.sql`create table t as select generate_series(1, 100) as i`;
    await main.sql`vacuum freeze t`;
    expect(await bits(main)).toEqual([{ visible: 1, frozen: 1 }]);
    await main.restart();
    expect(await bits(main)).toEqual([{ visible: 1, frozen: 1 }]);
    await main.query(change);
    // A lock leaves the row visible to all, but it isn't frozen any more.
    const expected = [{ visible: how === "locked" ? 1 : 0, frozen: 0 }];
    expect(await bits(main)).toEqual(expected);
    await env.waitForLastFlushLsn(main);
    await env.createBranch("child");
    const child = await env.endpoints.createStart("child");
    expect(await bits(child)).toEqual(expected);
    await main.kill9();
    await main.start();
    expect(await bits(main)).toEqual(expected);
    expect(await main.sql`select * from pg_check_frozen('t') union all select * from pg_check_visible('t')`).toEqual(
      [],
    );
  },
);

// covers: test_fsm_truncate.py::test_fsm_truncate, test_truncate.py::test_truncate, test_vm_truncate.py::test_vm_truncate
test("what VACUUM and TRUNCATE cut off of tables and their maps is gone for good", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main", { configLines: ["autovacuum=off"] });
  await endpoint.sql`create extension pg_visibility`;
  await endpoint.query("create table fresh (i int); truncate fresh; create table t (i int, filler text)");
  const fill = "insert into t select i, repeat('x', 300) from generate_series(1, 20000) as i";
  const size = async (fork: string): Promise<number> =>
    Number((await endpoint.query(`select pg_relation_size('t', '${fork}')::int as bytes`))[0]?.["bytes"]);
  for (const shrink of ["delete from t where i > 100", "truncate t"]) {
    await endpoint.query(fill);
    await endpoint.sql`vacuum t`;
    const before = await size("main");
    await endpoint.query(shrink);
    await endpoint.sql`vacuum t`;
    const after = await size("main");
    expect(after).toBeLessThan(before / 10);
    await endpoint.restart();
    expect(await size("main")).toBe(after);
    expect(await size("vm")).toBeLessThanOrEqual(8192);
    expect(await endpoint.sql`select count(*)::int as n from pg_check_visible('t')`).toEqual([{ n: 0 }]);
    const rows = await endpoint.sql`select count(*)::int as n from t`;
    expect(rows).toEqual([{ n: shrink === "truncate t" ? 0 : 100 }]);
    await endpoint.sql`truncate t`;
  }
  await endpoint.query(fill);
  expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 20_000 }]);
});

// covers: test_unlogged.py::test_unlogged
test("an unlogged table with indexes is empty and usable on a new compute", async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create unlogged table u (i int primary key, f text)`;
  await main.sql`create index on u using hash (f)`;
  await main.query("insert into u select i, 'x' from generate_series(1, 100) as i");
  await env.waitForLastFlushLsn(main);
  await env.createBranch("child");
  const child = await env.endpoints.createStart("child");
  expect(await child.sql`select count(*)::int as n from u`).toEqual([{ n: 0 }]);
  await child.query("insert into u values (1, 'y')");
  await using session = await child.connect();
  await session.sql`set enable_seqscan = off`;
  expect(await session.query("select i from u where f = 'y'")).toEqual([{ i: 1 }]);
  expect(await session.query("select f from u where i = 1")).toEqual([{ f: "y" }]);
  await child.restart();
  expect(await child.sql`select count(*)::int as n from u`).toEqual([{ n: 0 }]);
});

// covers: test_large_schema.py::test_large_schema
test("hundreds of tables and partitions are there after restarts of compute and pageserver", async ({
  neonSimpleEnv: env,
}) => {
  const endpoint = await env.endpoints.createStart("main", { configLines: ["max_locks_per_transaction=500"] });
  await endpoint.query("create table p (i int, part int) partition by list (part)");
  for (let step = 0; step < 3; step += 1) {
    await endpoint.query(`do $$ begin for i in ${step * 80 + 1}..${step * 80 + 80} loop
      execute format('create table p_%s partition of p for values in (%s)', i, i);
      execute format('insert into p values (1, %s)', i); end loop; end $$`);
    await env.waitForLastFlushLsn(endpoint);
    await endpoint.stop();
    await env.pageserver.restart();
    await endpoint.start();
  }
  expect(await endpoint.sql`select count(*)::int as n, max(part) from p`).toEqual([{ n: 240, max: 240 }]);
});

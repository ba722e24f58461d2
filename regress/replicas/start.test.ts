import { expect, requires, test } from "../../fixtures";
import type { Endpoint } from "../../fixtures";

const TWO_PHASE = { configLines: ["max_prepared_transactions=5"] };

/** A table, and a function that inserts `n` rows, each in a subtransaction of its own. */
async function createSubtransactions(primary: Endpoint): Promise<void> {
  await primary.sql`create table t (pk serial primary key, payload int)`;
  await primary.query(`create function subtransactions(n int) returns void language plpgsql as $$
    begin
      for i in 1..n loop
        begin insert into t (payload) values (0); exception when others then raise exception '%', sqlerrm; end;
      end loop;
    end $$`);
}

const rows = async (replica: Endpoint, table = "t"): Promise<unknown> =>
  (await replica.query(`select count(*)::int as n from ${table}`))[0]?.["n"];

// covers: test_replica_start.py::test_replica_start_scan_clog
test(
  "a replica starts after its primary died in a transaction",
  requires("replicas"),
  async ({ neonSimpleEnv: env }) => {
    const primary = await env.endpoints.createStart("main");
    await createSubtransactions(primary);
    await using session = await primary.connect();
    await session.query("begin; select subtransactions(50)");
    // Whatever commits next brings the WAL of the open one with it.
    await primary.sql`create table other ()`;
    await env.waitForLastFlushLsn(primary);
    await primary.stop({ immediate: true, sksWaitWalreceiverGone: env.safekeepers });
    const replica = await env.endpoints.newReplicaStart(primary);
    expect(await rows(replica)).toBe(0);
  },
);

// covers: test_replica_start.py::test_replica_start_scan_clog_crashed_xids
test(
  "a replica starts where many transactions were left by a crash",
  requires("replicas"),
  async ({ neonSimpleEnv: env }) => {
    const primary = await env.endpoints.createStart("main");
    await createSubtransactions(primary);
    await using session = await primary.connect();
    await session.query("begin; select subtransactions(20000)");
    await primary.sql`create table other ()`;
    await primary.stop({ immediate: true, sksWaitWalreceiverGone: env.safekeepers });
    await primary.start();
    await primary.sql`insert into t (payload) values (0)`;
    await primary.stop();
    const replica = await env.endpoints.newReplicaStart(primary);
    expect(await rows(replica)).toBe(1);
  },
);

// covers: test_replica_start.py::test_replica_start_at_running_xacts
test(
  "a replica starts right behind a record of the running transactions",
  requires("replicas"),
  async ({ neonSimpleEnv: env, pgVersion }) => {
    const primary = await env.endpoints.createStart("main");
    // Version 16 has a function for it; a checkpoint writes one as well.
    await primary.query(pgVersion >= 16 ? "select pg_log_standby_snapshot()" : "checkpoint");
    await env.waitForLastFlushLsn(primary);
    const replica = await env.endpoints.newReplicaStart(primary);
    expect(await replica.sql`select 123 as n`).toEqual([{ n: 123 }]);
  },
);

// covers: test_replica_start.py::test_replica_start_repro_visibility_bug
test(
  "a transaction that ran when the replica started is seen when it commits",
  requires("replicas"),
  async ({ neonSimpleEnv: env }) => {
    const primary = await env.endpoints.createStart("main");
    await using session = await primary.connect();
    await session.query("begin; create table t (pk int primary key, payload int)");
    await session.sql`insert into t select generate_series(1, 10000), 0`;
    const replica = await env.endpoints.newReplicaStart(primary);
    await env.waitReplicaCaughtUp(primary, replica);
    // A replica that took the transaction for a dead one would now mark its catalog rows so.
    await replica.sql`select count(*) from pg_class where relname > ''`;
    await session.sql`commit`;
    await env.waitReplicaCaughtUp(primary, replica);
    expect(await replica.sql`select payload from t where pk = 1`).toEqual([{ payload: 0 }]);
    expect(await rows(replica)).toBe(10_000);
  },
);

// covers: test_replica_start.py::test_replica_start_wait_subxids_finish, test_replica_start.py::test_replica_too_many_known_assigned_xids
test(
  "transactions with more parts than a replica can keep in mind end as they did on the primary",
  requires("replicas"),
  async ({ neonSimpleEnv: env }) => {
    const primary = await env.endpoints.createStart("main");
    await createSubtransactions(primary);
    const replica = await env.endpoints.newReplicaStart(primary);
    await using committing = await primary.connect();
    await using aborting = await primary.connect();
    await committing.query("begin; select subtransactions(5000)");
    await aborting.query("begin; select subtransactions(5000)");
    await primary.sql`insert into t (payload) values (7)`;
    await env.waitReplicaCaughtUp(primary, replica);
    expect(await rows(replica)).toBe(1);
    await committing.sql`commit`;
    await aborting.sql`rollback`;
    await env.waitReplicaCaughtUp(primary, replica);
    expect(await rows(replica)).toBe(5001);
  },
);

// covers: test_replica_start.py::test_replica_start_with_prepared_xacts
test.for(["runs", "was shut down"])(
  "a replica starts with prepared transactions while its primary %s, and sees how they are decided",
  requires("replicas"),
  async (how, { neonSimpleEnv: env }) => {
    const primary = await env.endpoints.createStart("main", TWO_PHASE);
    await createSubtransactions(primary);
    await primary.query("create table t1 (pk int primary key); create table t2 (pk int primary key)");
    await primary.query("begin; insert into t1 values (1); prepare transaction 'one'");
    await primary.query(
      "begin; insert into t2 values (2); savepoint s; insert into t2 values (3); prepare transaction 'two'",
    );
    await using open = await primary.connect();
    await open.query("begin; select subtransactions(50)");
    await primary.sql`create table other ()`;
    await env.waitForLastFlushLsn(primary);
    if (how === "was shut down") await primary.stop();
    const replica = await env.endpoints.newReplicaStart(primary, TWO_PHASE);
    for (const table of ["t", "t1", "t2"]) expect(await rows(replica, table)).toBe(0);
    if (how === "was shut down") await primary.start();
    else await open.sql`commit`;
    await primary.sql`commit prepared 'one'`;
    await primary.sql`commit prepared 'two'`;
    await env.waitReplicaCaughtUp(primary, replica);
    expect(await rows(replica)).toBe(how === "runs" ? 50 : 0);
    expect(await replica.sql`select pk from t1 union all select pk from t2 order by 1`).toEqual([
      ...[{ pk: 1 }, { pk: 2 }, { pk: 3 }],
    ]);
  },
);

// covers: test_replica_start.py::test_replica_start_with_prepared_xacts_with_subxacts, test_replica_start.py::test_replica_start_with_prepared_xacts_with_many_subxacts
test(
  "a prepared transaction of many parts is decided after the replica has started",
  requires("replicas"),
  async ({ neonSimpleEnv: env }) => {
    const primary = await env.endpoints.createStart("main", TWO_PHASE);
    await createSubtransactions(primary);
    {
      await using session = await primary.connect();
      await session.query("begin; select subtransactions(3000)");
      await primary.query("insert into t (payload) values (123)");
      await primary.query("begin; insert into t (payload) values (-1); rollback");
      await session.query("select subtransactions(3000)");
      await session.query("prepare transaction 'many'");
    }
    await env.waitForLastFlushLsn(primary);
    await primary.stop();
    const replica = await env.endpoints.newReplicaStart(primary, TWO_PHASE);
    expect(await rows(replica)).toBe(1);
    await primary.start();
    await primary.query("select subtransactions(3000)");
    await env.waitReplicaCaughtUp(primary, replica);
    expect(await rows(replica)).toBe(3001);
    await primary.sql`commit prepared 'many'`;
    await env.waitReplicaCaughtUp(primary, replica);
    expect(await rows(replica)).toBe(9001);
  },
);

// covers: test_replica_start.py::test_replica_start_with_too_many_unused_xids
test(
  "a replica starts after a row of crashes, with no primary there",
  requires("replicas"),
  async ({ neonSimpleEnv: env }) => {
    const primary = await env.endpoints.createStart("main");
    await primary.sql`create table t (i int)`;
    for (let round = 0; round < 5; round += 1) {
      await primary.sql`insert into t values (${round}::int)`;
      await primary.stop({ immediate: true, sksWaitWalreceiverGone: env.safekeepers });
      await primary.start();
    }
    await env.waitForLastFlushLsn(primary);
    await primary.stop({ immediate: true, sksWaitWalreceiverGone: env.safekeepers });
    const configLines = ["neon.running_xacts_overflow_policy='ignore'"];
    const replica = await env.endpoints.newReplicaStart(primary, { configLines });
    expect(await rows(replica)).toBe(5);
  },
);

// covers: test_hot_standby.py::test_2_replicas_start
test("two replicas of one primary both catch up", requires("replicas"), async ({ neonSimpleEnv: env }) => {
  const primary = await env.endpoints.createStart("main");
  await primary.sql`create table t as select generate_series(1, 100) as i`;
  const replicas = [await env.endpoints.newReplicaStart(primary), await env.endpoints.newReplicaStart(primary)];
  await primary.sql`insert into t values (0)`;
  for (const replica of replicas) {
    await env.waitReplicaCaughtUp(primary, replica);
    expect(await rows(replica)).toBe(101);
  }
});

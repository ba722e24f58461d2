import { expect, requires, test } from "../../fixtures";

// covers: test_physical_replication.py::test_physical_replication_config_mismatch_max_connections
test(
  "a replica with fewer connections than its primary starts and follows",
  requires("replicas", "neon_extension"),
  async ({ neonSimpleEnv: env }) => {
    const primary = await env.endpoints.createStart("main");
    await primary.sql`create table t (pk int primary key)`;
    const replica = await env.endpoints.newReplicaStart(primary, { configLines: ["max_connections=5"] });
    const sessions = await Promise.all(Array.from({ length: 10 }, () => primary.connect()));
    for (const [i, session] of sessions.entries()) await session.query(`begin; insert into t values (${i})`);
    for (const session of sessions) await session.query("commit");
    await env.waitReplicaCaughtUp(primary, replica);
    expect(await replica.sql`select count(*)::int as n from t`).toEqual([{ n: 10 }]);
    for (const session of sessions) await session.close();
  },
);

// covers: test_physical_replication.py::test_physical_replication_config_mismatch_max_prepared
test(
  "a replica that cannot hold all prepared transactions ends and says why",
  requires("replicas", "neon_extension"),
  async ({ neonSimpleEnv: env }) => {
    const primary = await env.endpoints.createStart("main", { configLines: ["max_prepared_transactions=10"] });
    await primary.sql`create table t (pk int primary key)`;
    const replica = await env.endpoints.newReplicaStart(primary, { configLines: ["max_prepared_transactions=5"] });
    for (let i = 0; i < 10; i += 1)
      await primary.query(`begin; insert into t values (${i}); prepare transaction 't${i}'`);
    await replica.assertLogContains(/maximum number of prepared transactions reached/, { budgetMs: 30_000 });
    await expect.poll(() => replica.isRunning(), { timeout: 30_000 }).toBe(false);
    for (let i = 0; i < 10; i += 1) await primary.query(`commit prepared 't${i}'`);
    expect(await primary.sql`select count(*)::int as n from t`).toEqual([{ n: 10 }]);
  },
);

// covers: test_physical_replication.py::test_physical_replication_config_mismatch_max_locks_per_transaction
test(
  "a replica that runs out of locks says what to increase",
  requires("replicas", "neon_extension"),
  async ({ neonSimpleEnv: env }) => {
    const primary = await env.endpoints.createStart("main", { configLines: ["max_locks_per_transaction = 100"] });
    const configLines = ["max_connections=10", "max_locks_per_transaction = 10"];
    const replica = await env.endpoints.newReplicaStart(primary, { configLines });
    const tables = Array.from({ length: 1500 }, (_, i) => `create table t${i} (x int)`);
    await primary.query(`begin; ${tables.join("; ")}; commit`);
    await replica.assertLogContains(/You might need to increase/, { budgetMs: 30_000 });
  },
);

// covers: test_physical_replication.py::test_physical_replication_config_mismatch_too_many_known_xids
test(
  "a replica that cannot keep all running transactions in mind says so",
  requires("replicas", "neon_extension"),
  async ({ neonSimpleEnv: env }) => {
    const configLines = ["max_connections=500", "shared_buffers=64MB"];
    const primary = await env.endpoints.createStart("main", { configLines });
    const tight = [
      ...["max_connections=5", "autovacuum_max_workers=1", "max_worker_processes=5", "max_wal_senders=1"],
      "superuser_reserved_connections=0",
    ];
    const replica = await env.endpoints.newReplicaStart(primary, { configLines: tight });
    await primary.sql`create table t (i int)`;
    const sessions = [];
    try {
      // For each of its few connections the replica has room for 65 transactions.
      for (let i = 0; i < 480; i += 20) {
        sessions.push(...(await Promise.all(Array.from({ length: 20 }, () => primary.connect()))));
      }
      await Promise.all(
        sessions.map((session, i) =>
          session.query(
            `begin; insert into t values (${i}); savepoint a; insert into t values (0); savepoint b; insert into t values (0)`,
          ),
        ),
      );
      await Promise.all(sessions.map((session) => session.query("commit")));
    } finally {
      for (const session of sessions) await session.close();
    }
    await replica.assertLogContains(/too many KnownAssignedXids/, { budgetMs: 30_000 });
  },
);

// covers: test_physical_and_logical_replicaiton.py::test_physical_and_logical_replication_slot_not_copied, test_physical_and_logical_replicaiton.py::test_aux_not_logged_at_replica
test(
  "a replica of a primary that publishes has the rows and none of the slots",
  requires("replicas"),
  async ({ neonSimpleEnv: env, vanillaPg }) => {
    const primary = await env.endpoints.createStart("main");
    await primary.sql`create table t (pk int primary key, payload text default repeat('?', 200))`;
    await primary.sql`create publication p for table t`;
    await vanillaPg.start();
    await vanillaPg.sql`create table t (pk int primary key, payload text)`;
    await vanillaPg.query(
      `create subscription s connection 'host=127.0.0.1 port=${primary.pgPort} user=cloud_admin dbname=postgres' publication p`,
    );
    await primary.sql`insert into t (pk) select generate_series(1, 1000)`;
    await primary.sql`checkpoint`;
    const replica = await env.endpoints.newReplicaStart(primary);
    await primary.sql`insert into t (pk) select generate_series(1001, 2000)`;
    await env.waitReplicaCaughtUp(primary, replica);
    expect(await replica.sql`select count(*)::int as n from t`).toEqual([{ n: 2000 }]);
    const subscribed = async () => (await vanillaPg.sql`select count(*)::int as n from t`)[0]?.["n"];
    await expect.poll(subscribed, { timeout: 30_000 }).toBe(2000);
    expect(await replica.sql`select slot_name from pg_replication_slots where slot_type = 'logical'`).toEqual([]);
    expect(await primary.sql`select slot_name from pg_replication_slots where slot_type = 'logical'`).toHaveLength(1);
    await replica.restart();
    expect(replica.logContains(/cannot make new WAL entries during recovery/)).toBeUndefined();
    await vanillaPg.sql`drop subscription s`;
  },
);

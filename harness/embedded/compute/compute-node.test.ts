import { expect, test } from "vitest";
import { Lsn } from "../../types";
import type { ComputeProcess } from "./testing/compute-process";
import { CrashLoop } from "./testing/crash-loop";
import { eventually } from "./testing/eventually";
import { useCluster } from "./testing/use-cluster";

const cluster = useCluster("compute-test");

/** Whether a commit comes through within the time that a working one never needs. */
async function commits(compute: ComputeProcess, sql: string): Promise<boolean> {
  const done = compute.query(sql).then(
    () => true,
    () => false,
  );
  return await Promise.race([done, new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 300))]);
}

test("commits need two of three safekeepers; a restarted compute has every acknowledged row", async () => {
  const first = await cluster.startCompute();
  await first.query("create table t(i int)");
  await first.query("insert into t select generate_series(1, 1000)");
  await cluster.killSafekeeper(0);
  await first.query("insert into t values (1001)");
  await cluster.killSafekeeper(1);
  expect(await commits(first, "insert into t values (1002)")).toBe(false);
  await cluster.startSafekeeper(0);
  await first.query("insert into t values (1003)");

  first.signal("SIGKILL");
  await first.exited;
  first.signalPostmaster("SIGKILL");
  const second = await cluster.startCompute();
  const rows = await second.query("select count(*), sum(i) from t where i in (1001, 1003) or i <= 1000");
  expect(rows).toEqual([["1002", String(500_500 + 2004)]]);
  await cluster.startSafekeeper(1);
  await second.query("insert into t values (2000)");

  await eventually(async () => expect(new Set(await cluster.walEnds()).size).toBe(1));
  second.signalPostmaster("SIGINT");
  const stopping = performance.now();
  expect(await second.exited).toBe(0);
  expect(performance.now() - stopping).toBeLessThan(1_500);
  const ends = await cluster.walEnds();
  expect(ends).toEqual([ends[0], ends[0], ends[0]]);
  const [flushed, committed] = ends[0]?.split(" ") ?? [];
  expect(committed).toBe(flushed);

  const third = await cluster.startCompute();
  expect(await third.query("select count(*) from t where i = 2000")).toEqual([["1"]]);
  expect(await third.query("select timeline_id from pg_control_checkpoint()")).toEqual([["1"]]);
});

test("a second compute fences the first, which ends by itself without another commit", async () => {
  const first = await cluster.startCompute();
  await first.query("create table t(i int)");
  const second = await cluster.startCompute();
  expect(await commits(first, "insert into t values (1)")).toBe(false);
  expect(await first.exited).toBe(1);
  expect(first.log).toContain("another compute is running at the same time");
  expect(first.log).toMatch(/PANIC: collected propEpochStartLsn .*, but basebackup LSN/);
  await second.query("insert into t values (2)");
  expect(await second.query("select i from t")).toEqual([["2"]]);
});

test("what a dead compute had written but not committed is committed before the next one starts", async () => {
  const first = await cluster.startCompute();
  await first.query("create table t(i int)");
  await cluster.killSafekeeper(1);
  await cluster.killSafekeeper(2);
  const commit = commits(first, "insert into t values (1)");
  // A slow machine may not have come so far when the time is up that a commit is given.
  await eventually(async () => {
    const waiting = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
    expect(await first.query(waiting)).toEqual([["1"]]);
  });
  expect(await commit).toBe(false);
  const [[written]] = (await first.query("select pg_current_wal_flush_lsn()")) as [[string]];
  await eventually(async () => {
    const [alone] = cluster.safekeepers;
    const flushed = String((await alone?.timelineStatus(cluster.id))?.["flush_lsn"]);
    expect(Lsn.parse(flushed)).toBeGreaterThanOrEqual(Lsn.parse(written));
  });
  first.signal("SIGKILL");
  await first.exited;
  first.signalPostmaster("SIGKILL");
  // With the third one there, too, the two that don't have the row could elect the next compute, and rightly lose it.
  await cluster.startSafekeeper(1);
  const second = await cluster.startCompute();
  await cluster.startSafekeeper(2);
  expect(await second.query("select i from t")).toEqual([["1"]]);
});

test("a fast stop without a majority becomes an immediate one", async () => {
  const compute = await cluster.startCompute();
  await Promise.all([0, 1].map((index) => cluster.killSafekeeper(index)));
  const stopping = performance.now();
  compute.signal("SIGTERM");
  await compute.exited;
  expect(performance.now() - stopping).toBeLessThan(10_000);
  expect(compute.log).toContain("stopping immediately");
});

test("WAL of many segments goes through; a safekeeper that was away for it catches up", async () => {
  const compute = await cluster.startCompute();
  await cluster.killSafekeeper(2);
  await compute.query("create table big as select i, repeat(md5(i::text), 10) as t from generate_series(1, 60000) i");
  await compute.query("checkpoint");
  await cluster.startSafekeeper(2);
  await compute.query("insert into big select 0, 'x' from generate_series(1, 1000)");
  await eventually(async () => expect(new Set(await cluster.walEnds()).size).toBe(1));
  compute.signal("SIGQUIT");
  await compute.exited;
  await cluster.killSafekeeper(0);
  const again = await cluster.startCompute();
  expect(await again.query("select count(*), sum(i), sum(length(t)) from big")).toEqual([
    ["61000", "1800030000", String(60_000 * 320 + 1000)],
  ]);
});

test("a read-only compute shows the database as of its LSN", async () => {
  const primary = await cluster.startCompute();
  await primary.query("create table t as select 1 as i");
  const [[lsn]] = (await primary.query("select pg_current_wal_flush_lsn()")) as [[string]];
  await primary.query("insert into t values (2)");
  const replica = await cluster.startCompute({
    spec: { mode: { Static: lsn } },
    conf: [`recovery_target_lsn='${lsn}'`],
  });
  expect(await replica.query("select i from t")).toEqual([["1"]]);
  await expect(replica.query("insert into t values (3)")).rejects.toThrow("read-only transaction");
  expect(await primary.query("select count(*) from t")).toEqual([["2"]]);
  // It is good for a second, and so renewed after half of it.
  await eventually(() => expect(cluster.leases.slice(0, 2)).toEqual([lsn, lsn]));
  replica.signalPostmaster("SIGINT");
  expect(await replica.exited).toBe(0);
});

const replayed = (lsn: string) => `select coalesce(pg_last_wal_replay_lsn() >= '${lsn}', false)`;

async function catchUp(primary: ComputeProcess, replica: ComputeProcess): Promise<void> {
  const [[lsn]] = (await primary.query("select pg_current_wal_flush_lsn()")) as [[string]];
  await eventually(async () => expect(await replica.query(replayed(lsn))).toEqual([["t"]]));
}

test("a replica follows, keeps its own snapshot, refuses writes, and outlives a safekeeper and the primary", async () => {
  const primary = await cluster.startCompute();
  await primary.query("create table t as select generate_series(1, 100) as i");
  const replica = await cluster.startReplica();
  await catchUp(primary, replica);
  expect(await replica.query("select count(*) from t")).toEqual([["100"]]);
  await expect(replica.query("insert into t values (0)")).rejects.toThrow("read-only transaction");

  const reader = await replica.connect();
  await reader.query("begin isolation level repeatable read");
  expect((await reader.query("select count(*) from t")).rows).toEqual([["100"]]);
  await primary.query("insert into t select generate_series(101, 5000)");
  await catchUp(primary, replica);
  expect((await reader.query("select count(*) from t")).rows).toEqual([["100"]]);
  reader.destroy();
  expect(await replica.query("select count(*) from t")).toEqual([["5000"]]);

  await cluster.killSafekeeper(0);
  await primary.query("insert into t values (-1)");
  await catchUp(primary, replica);
  primary.signal("SIGKILL");
  await primary.exited;
  primary.signalPostmaster("SIGKILL");
  expect(await replica.query("select count(*) from t")).toEqual([["5001"]]);
  const next = await cluster.startCompute();
  await next.query("insert into t values (-2)");
  await catchUp(next, replica);
  expect(await replica.query("select count(*) from t where i < 0")).toEqual([["2"]]);
  expect(await replica.query("select pg_is_in_recovery(), timeline_id from pg_control_checkpoint()")).toEqual([
    ["t", "1"],
  ]);
  replica.signalPostmaster("SIGINT");
  expect(await replica.exited).toBe(0);
});

test("a standby's feedback keeps the rows that it sees, until it leaves", async () => {
  const primary = await cluster.startCompute({ conf: ["autovacuum=off"] });
  await primary.query("create table t as select generate_series(1, 1000) as i");
  const replica = await cluster.startReplica(["hot_standby_feedback=on", "wal_receiver_status_interval=1s"]);
  await catchUp(primary, replica);
  const reader = await replica.connect();
  await reader.query("begin isolation level repeatable read");
  expect((await reader.query("select count(*) from t")).rows).toEqual([["1000"]]);
  const horizon = "select xmin is not null from pg_replication_slots where slot_name = 'wal_proposer_slot'";
  await eventually(async () => expect(await primary.query(horizon)).toEqual([["t"]]), 10_000);
  await primary.query("delete from t");
  await primary.query("vacuum t");
  await catchUp(primary, replica);
  expect((await reader.query("select count(*) from t")).rows).toEqual([["1000"]]);
  reader.destroy();
  replica.signal("SIGQUIT");
  await replica.exited;
  await eventually(async () => expect(await primary.query(horizon)).toEqual([["f"]]), 10_000);
});

test("a start that fails says why in /status and ends when told", async () => {
  const broken = await cluster.spawnCompute({ conf: ["no_such_setting=1"] });
  await expect(broken.untilStatus("running")).rejects.toThrow("Postgres exited during its start with code 1");
  expect(broken.log).toContain('unrecognized configuration parameter "no_such_setting"');
  broken.signal("SIGTERM");
  expect(await broken.exited).toBe(1);
});

test("whatever is killed, each acknowledged row is there for the next compute, and none that nobody wrote", async () => {
  const seed = Number(process.env["CRASH_SEED"] ?? Date.now() % 100_000);
  const loop = new CrashLoop(cluster, seed);
  await loop.run(Number(process.env["CRASH_GENERATIONS"] ?? 3));
  expect(loop.acknowledged.size, `CRASH_SEED=${seed}`).toBeGreaterThan(0);
});

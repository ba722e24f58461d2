import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { changesOf } from "./slots/record-slots";
import { slotFileUpTo } from "./slots/slot-file";
import type { ComputeProcess } from "./testing/compute-process";
import { eventually } from "./testing/eventually";
import { useCluster } from "./testing/use-cluster";

const cluster = useCluster("slots-test");

const SLOT = "select slot_type, database, active from pg_replication_slots where slot_name = 's'";
const changes = (compute: ComputeProcess) =>
  compute.query("select data from pg_logical_slot_get_changes('s', null, null, 'skip-empty-xacts', '1')");
const inserts = async (compute: ComputeProcess) =>
  (await changes(compute)).map(([data]) => /INSERT: i\[integer\]:(\d+)/.exec(data ?? "")?.[1]).filter(Boolean);

async function kill(compute: ComputeProcess): Promise<void> {
  compute.signal("SIGKILL");
  await compute.exited;
  compute.signalPostmaster("SIGKILL");
}

/** A slot `s` that the WAL knows of, a table, and rows 1 and 2 that nobody has decoded. */
async function withSlot(): Promise<ComputeProcess> {
  const compute = await cluster.startCompute();
  await compute.query("select pg_create_logical_replication_slot('s', 'test_decoding')");
  await eventually(() => expect(compute.log).toContain("replication slots recorded: timeline, pg_replslot/s/state"));
  await compute.query("create table t (i int)");
  await compute.query("insert into t values (1)");
  await compute.query("insert into t values (2)");
  return compute;
}

test("a slot comes with the WAL: the next compute, in another directory, has it and decodes all changes", async () => {
  const first = await withSlot();
  await kill(first);
  const second = await cluster.startCompute();
  expect(await second.query(SLOT)).toEqual([["logical", "postgres", "f"]]);
  await second.query("insert into t values (3)");
  expect(await inserts(second)).toEqual(["1", "2", "3"]);
  // What the client has confirmed is on disk, and so in the WAL, from the next checkpoint on.
  await second.query("checkpoint");
  await eventually(() => expect(second.log).toMatch(/recorded: .*pg_replslot\/s\/state/));
  await second.query("insert into t values (4)");
  await kill(second);
  const third = await cluster.startCompute();
  expect(await inserts(third)).toEqual(["4"]);
  await third.query("select pg_drop_replication_slot('s')");
  await eventually(() => expect(third.log).toMatch(/recorded: .*pg_replslot\/s\/state/));
  await kill(third);
  const fourth = await cluster.startCompute();
  expect(await fourth.query(SLOT)).toEqual([]);
});

test("a compute that stops and starts in its directory knows exactly what was confirmed", async () => {
  const first = await withSlot();
  expect(await inserts(first)).toEqual(["1", "2"]);
  first.signalPostmaster("SIGINT");
  await first.exited;
  const second = await cluster.startCompute({ after: first });
  expect(await inserts(second)).toEqual([]);
  // A slot that was made just before the end was in no WAL yet.
  await second.query("select pg_create_logical_replication_slot('late', 'test_decoding')");
  await kill(second);
  const third = await cluster.startCompute({ after: second });
  expect(await third.query("select count(*) from pg_replication_slots where slot_type = 'logical'")).toEqual([["2"]]);
});

test("what is left in a directory is old when another compute has written since", async () => {
  const first = await withSlot();
  await kill(first);
  const other = await cluster.startCompute();
  await other.query("select pg_drop_replication_slot('s')");
  await eventually(() => expect(other.log).toMatch(/recorded: .*pg_replslot\/s\/state/));
  await kill(other);
  const again = await cluster.startCompute({ after: first });
  expect(await again.query(SLOT)).toEqual([]);
});

test("a slot never confirms WAL that was lost, and one that begins in it is dropped", async () => {
  const first = await withSlot();
  const path = join(first.pgdata, "pg_replslot/s/state");
  const file = readFileSync(path);
  const [restart, confirmed] = [file.readBigUInt64LE(96), file.readBigUInt64LE(112)];
  expect(slotFileUpTo(file, confirmed)).toBe(file);
  const cut = slotFileUpTo(file, confirmed - 1n);
  expect(cut?.readBigUInt64LE(112)).toBe(confirmed - 1n);
  expect(slotFileUpTo(file, restart - 1n)).toBeUndefined();
  await kill(first);
  // Postgres takes the file that was made.
  if (cut !== undefined) writeFileSync(path, cut);
  const second = await cluster.startCompute({ after: first });
  expect(await inserts(second)).toEqual(["1", "2"]);
});

test("changes are recorded in an order that a crash can't hurt", () => {
  const file = (text: string) => Buffer.from(text);
  const none = file("");
  const [state, snap, next] = ["pg_replslot/s/state", "pg_logical/snapshots/0-1.snap", "pg_logical/snapshots/0-2.snap"];
  const recorded = new Map([
    ["timeline", file("T")],
    [state, file("a")],
    [snap, file("1")],
  ] as const);
  const moved = new Map([
    ["timeline", file("T")],
    [state, file("b")],
    [next, file("2")],
  ] as const);
  expect(changesOf(recorded, moved)).toEqual([
    [next, file("2")],
    [state, file("b")],
    [snap, none],
  ]);
  const branch = new Map([
    ["timeline", file("U")],
    [state, file("c")],
    [next, file("2")],
  ] as const);
  expect(changesOf(recorded, branch)).toEqual([
    [snap, none],
    ["timeline", file("U")],
    [next, file("2")],
    [state, file("c")],
  ]);
  expect(changesOf(recorded, recorded)).toEqual([]);
});

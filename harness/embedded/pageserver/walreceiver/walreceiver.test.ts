import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Lsn, TenantId, TimelineId } from "../../../types";
import { pollUntil } from "../../../wait";
import { announce, FakeSafekeeper } from "../testing/fake-safekeeper";
import { PagestreamClient } from "../testing/pagestream-client";
import { TestPageserver } from "../testing/test-pageserver";
import { writeWal } from "../testing/write-wal";

const PG_CLASS = { spcNode: 1663, dbNode: 5, relNode: 1259, forkNum: 0 };

interface TimelineInfo {
  last_record_lsn: string;
  initdb_lsn: string;
  remote_consistent_lsn: string;
}

const tenantId = TenantId.generate();
const timelineId = TimelineId.generate();
const server = new TestPageserver();
const timelinePath = `/v1/tenant/${tenantId}/timeline/${timelineId}`;
const safekeeper = new FakeSafekeeper();
let news: { stop(): void } | undefined;

const info = async (): Promise<TimelineInfo> => (await server.http("GET", timelinePath)).json as TimelineInfo;

beforeAll(async () => {
  await server.prepare("wait_lsn_timeout = '300ms'");
  await server.start();
  await server.attach(tenantId);
  await server.createTimeline(tenantId, timelineId);
  await safekeeper.listen();
  const base = (await server.connect()).copyOut(`stockbackup ${tenantId} ${timelineId} latest`);
  const written = await writeWal(server, base, "create table t as select generate_series(1, 1000) as i");
  safekeeper.serve(written.start, written.wal);
  news = announce(server, safekeeper, { tenantId, timelineId });
});
afterAll(async () => {
  news?.stop();
  await safekeeper.stop();
  await server.cleanUp();
});

afterEach(() => server.dropClients());

const received = () =>
  pollUntil("the WAL is received", async () => Lsn.parse((await info()).last_record_lsn) === safekeeper.commitLsn, {
    budgetMs: 5000,
  });

test("WAL comes from the safekeeper with it, and is answered with feedback", async () => {
  await received();
  expect(await info()).toMatchObject({ wal_source_connstr: `postgresql://${safekeeper.address}` });
  await pollUntil("feedback", () => safekeeper.feedback.at(-1)?.lastReceivedLsn === safekeeper.commitLsn, {
    budgetMs: 2000,
  });
});

test("a checkpoint makes a delta layer, uploads it and tells the safekeeper", async () => {
  expect((await server.http("PUT", `${timelinePath}/checkpoint?wait_until_uploaded=true`)).status).toBe(200);
  const { json } = await server.http("GET", `${timelinePath}/layer`);
  expect(json).toMatchObject({
    in_memory_layers: [],
    historic_layers: [{ kind: "Image" }, { kind: "Delta", l0: true }],
  });
  expect((await info()).remote_consistent_lsn).toBe(Lsn.format(safekeeper.commitLsn));
  await pollUntil("feedback", () => safekeeper.feedback.at(-1)?.remoteConsistentLsn === safekeeper.commitLsn, {
    budgetMs: 2000,
  });
});

test("every LSN between start and end can be read, and pages are those of that LSN", async () => {
  const { initdb_lsn: first } = await info();
  const client = await PagestreamClient.open(await server.connect(), tenantId, timelineId);
  const blocks = async (requestLsn: bigint) => {
    const answer = await client.ask({ kind: "nblocks", rel: PG_CLASS }, { requestLsn, notModifiedSince: requestLsn });
    return answer.kind === "nblocks" ? answer.nblocks : answer;
  };
  const middle = (Lsn.parse(first) + safekeeper.commitLsn) / 2n;
  expect(await blocks(Lsn.parse(first))).toBeTypeOf("number");
  expect(await blocks(middle)).toBeTypeOf("number");
  const size = await client.ask({ kind: "dbsize", dbNode: 5 }, { notModifiedSince: safekeeper.commitLsn });
  const sizeBefore = await client.ask({ kind: "dbsize", dbNode: 5 }, { requestLsn: Lsn.parse(first) });
  if (size.kind !== "dbsize" || sizeBefore.kind !== "dbsize") throw new Error("no sizes");
  // 1000 integers need five pages.
  expect(size.size - sizeBefore.size).toBeGreaterThanOrEqual(5n * 8192n);
});

test("a branch starts at a record between, Postgres starts from it there, and it outlives a crash", async () => {
  const branchId = TimelineId.generate();
  const branchPath = `/v1/tenant/${tenantId}/timeline/${branchId}`;
  const wanted = (Lsn.parse((await info()).initdb_lsn) + safekeeper.commitLsn) / 2n;
  const created = await server.http("POST", `/v1/tenant/${tenantId}/timeline`, {
    new_timeline_id: branchId,
    ancestor_timeline_id: timelineId,
    ancestor_start_lsn: Lsn.format(wanted),
  });
  expect(created.status, created.text).toBe(201);
  const { ancestor_lsn: lsn } = created.json as { ancestor_lsn: string };
  expect(Lsn.parse(lsn)).toBeLessThanOrEqual(wanted + 8n);
  const base = (await server.connect()).copyOut(`stockbackup ${tenantId} ${branchId} latest`);
  const written = await writeWal(server, base, "select 1");
  expect(Lsn.format(written.start)).toBe(lsn);
  expect(written.wal.length).toBeGreaterThan(0);
  await server.stop("SIGKILL");
  await server.start();
  expect((await server.http("GET", branchPath)).json).toMatchObject({ ancestor_lsn: lsn, last_record_lsn: lsn });
  // The ancestor has lost what it had not flushed, so this waits until it has been received again.
  const client = await PagestreamClient.open(await server.connect(), tenantId, branchId);
  expect(await client.ask({ kind: "exists", rel: PG_CLASS })).toMatchObject({ exists: true });
  expect((await server.http("DELETE", branchPath)).status).toBe(202);
});

test("an LSN that does not come is an error after wait_lsn_timeout", async () => {
  const client = await PagestreamClient.open(await server.connect(), tenantId, timelineId);
  const lsn = safekeeper.commitLsn + 8n;
  const answer = await client.ask({ kind: "exists", rel: PG_CLASS }, { requestLsn: lsn, notModifiedSince: lsn });
  expect(answer).toMatchObject({
    kind: "error",
    message: expect.stringContaining("Timed out while waiting for WAL"),
  });
});

test.each([
  ["SIGTERM", 0],
  ["SIGKILL", null],
] as const)("after %s the timelines come back", async (signal, code) => {
  const before = await info();
  expect(await server.stop(signal)).toMatchObject({ code });
  await server.start();
  await received();
  expect((await info()).initdb_lsn).toBe(before.initdb_lsn);
  const client = await PagestreamClient.open(await server.connect(), tenantId, timelineId);
  const notModifiedSince = safekeeper.commitLsn;
  const page = await client.ask({ kind: "getpage", rel: PG_CLASS, blkno: 0 }, { notModifiedSince });
  expect(page.kind).toBe("getpage");
});

test("layers that are not on this disk are downloaded", async () => {
  await server.http("PUT", `${timelinePath}/checkpoint?wait_until_uploaded=true`);
  await server.stop("SIGTERM");
  const dir = join(server.dir, "tenants", tenantId, "timelines", timelineId);
  for (const file of readdirSync(dir)) rmSync(join(dir, file));
  await server.start();
  expect(await info()).toMatchObject({ current_physical_size: 0 });
  const client = await PagestreamClient.open(await server.connect(), tenantId, timelineId);
  const notModifiedSince = safekeeper.commitLsn;
  const page = await client.ask({ kind: "getpage", rel: PG_CLASS, blkno: 0 }, { notModifiedSince });
  expect(page.kind).toBe("getpage");
  expect(readdirSync(dir)).toHaveLength(2);
});

test("times of commits lead to LSNs", async () => {
  const at = (time: Date) => server.http("GET", `${timelinePath}/get_lsn_by_timestamp?timestamp=${time.toISOString()}`);
  expect((await at(new Date(Date.now() + 60_000))).json).toMatchObject({ kind: "future" });
  expect((await at(new Date(0))).json).toMatchObject({ kind: "past", lsn: (await info()).initdb_lsn });
});

test("nothing of this was worth a warning", () => expect(server.complaints()).toEqual([]));

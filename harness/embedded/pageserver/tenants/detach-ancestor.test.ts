import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Lsn, TenantId, TimelineId } from "../../../types";
import { pollUntil } from "../../../wait";
import type { PagestreamBody } from "../../../wire";
import { announce, FakeSafekeeper } from "../testing/fake-safekeeper";
import { PagestreamClient } from "../testing/pagestream-client";
import { TestPageserver } from "../testing/test-pageserver";
import { writeWal } from "../testing/write-wal";

const tenantId = TenantId.generate();
const [main, early, middle, late] = Array.from({ length: 4 }, () => TimelineId.generate()) as [
  TimelineId,
  TimelineId,
  TimelineId,
  TimelineId,
];
const server = new TestPageserver();
const safekeeper = new FakeSafekeeper();
let news: { stop(): void } | undefined;

const path = (id: TimelineId): string => `/v1/tenant/${tenantId}/timeline/${id}`;
const info = async (id: TimelineId) => (await server.http("GET", path(id))).json as Record<string, string | null>;
const DATABASE: PagestreamBody = { kind: "dbsize", dbNode: 5 };
const PG_CLASS: PagestreamBody = {
  kind: "getpage",
  rel: { spcNode: 1663, dbNode: 5, relNode: 1259, forkNum: 0 },
  blkno: 0,
};

async function at(lsn: Lsn, id: TimelineId) {
  const client = await PagestreamClient.open(await server.connect(), tenantId, id);
  const ask = async (body: PagestreamBody) => ({
    ...(await client.ask(body, { requestLsn: lsn, notModifiedSince: lsn })),
    reqid: 0n,
  });
  return [await ask(DATABASE), await ask(PG_CLASS)];
}

async function branch(id: TimelineId, lsn: Lsn): Promise<Lsn> {
  const created = await server.http("POST", `/v1/tenant/${tenantId}/timeline`, {
    new_timeline_id: id,
    ancestor_timeline_id: main,
    ancestor_start_lsn: Lsn.format(lsn),
  });
  expect(created.status, created.text).toBe(201);
  return Lsn.parse((created.json as { ancestor_lsn: string }).ancestor_lsn);
}

async function remove(id: TimelineId): Promise<void> {
  expect((await server.http("DELETE", path(id))).status).toBe(202);
  const isGone = async () => (await server.http("GET", path(id))).status === 404;
  await pollUntil("the timeline is gone", isGone, { budgetMs: 10_000 });
}

beforeAll(async () => {
  await server.prepare("wait_lsn_timeout = '3s'");
  await server.start();
  await server.attach(tenantId);
  const conf = { tenant_id: tenantId, checkpoint_distance: 300_000, compaction_period: "0s", pitr_interval: "0s" };
  expect((await server.http("PUT", "/v1/tenant/config", conf)).status).toBe(200);
  await server.createTimeline(tenantId, main);
  await safekeeper.listen();
  const base = (await server.connect()).copyOut(`stockbackup ${tenantId} ${main} latest`);
  const written = await writeWal(server, base, "create table t as select generate_series(1, 20000) as i");
  safekeeper.serve(written.start, written.wal);
  news = announce(server, safekeeper, { tenantId, timelineId: main });
  const isReceived = async () => (await info(main))["last_record_lsn"] === Lsn.format(safekeeper.commitLsn);
  await pollUntil("the WAL is received", isReceived, { budgetMs: 5000 });
});
afterAll(async () => {
  news?.stop();
  await safekeeper.stop();
  await server.cleanUp();
});

test("a branch is detached: it and the ancestor's earlier branches need the ancestor no more", async () => {
  const start = Lsn.parse((await info(main))["initdb_lsn"] ?? "");
  const length = safekeeper.commitLsn - start;
  const lsns = {
    early: await branch(early, start + length / 4n),
    middle: await branch(middle, start + length / 2n),
    late: await branch(late, start + (length * 3n) / 4n),
  };
  const before = {
    middle: await at(lsns.middle, middle),
    past: await at(lsns.early, middle),
    early: await at(lsns.early, early),
  };
  server.dropClients();

  const detach = () => server.http("PUT", `${path(middle)}/detach_ancestor`);
  expect(await detach()).toMatchObject({ status: 200, json: { reparented_timelines: [early] } });
  expect(await info(middle)).toMatchObject({ ancestor_timeline_id: null, ancestor_lsn: null });
  expect(await info(early)).toMatchObject({ ancestor_timeline_id: middle, ancestor_lsn: Lsn.format(lsns.early) });
  expect(await info(late)).toMatchObject({ ancestor_timeline_id: main });
  expect(await detach()).toMatchObject({ status: 200, json: { reparented_timelines: [early] } });
  expect(await server.http("PUT", `${path(main)}/detach_ancestor`)).toMatchObject({
    status: 409,
    json: { msg: "Conflict: no ancestors" },
  });

  for (const id of [late, main]) {
    await remove(id);
  }
  await server.stop("SIGKILL");
  await server.start();
  expect(await at(lsns.middle, middle)).toEqual(before.middle);
  expect(await at(lsns.early, middle)).toEqual(before.past);
  expect(await at(lsns.early, early)).toEqual(before.early);
});

test("a branch of a branch is refused until its ancestor is detached", async () => {
  const id = TimelineId.generate();
  const body = { new_timeline_id: id, ancestor_timeline_id: early };
  expect((await server.http("POST", `/v1/tenant/${tenantId}/timeline`, body)).status).toBe(201);
  expect(await server.http("PUT", `${path(id)}/detach_ancestor`)).toMatchObject({
    status: 400,
    json: { msg: '"too many ancestors"' },
  });
  await remove(id);
});

test("an archived timeline is offloaded: its files go, and it comes back from remote storage", async () => {
  const offload = () => server.http("PUT", `${path(early)}/offload`, {});
  const archive = (state: string) => server.http("PUT", `${path(early)}/archival_config`, { state });
  const list = async () => (await server.http("GET", `/v1/tenant/${tenantId}/timeline_and_offloaded`)).json;
  const before = await info(early);
  expect(await offload()).toMatchObject({ status: 412, json: { msg: expect.stringContaining("can_offload") } });
  expect((await archive("Archived")).status).toBe(200);
  expect((await offload()).status).toBe(200);
  expect((await offload()).status).toBe(200);
  expect((await server.http("GET", path(early))).status).toBe(404);
  expect(existsSync(join(server.dir, "tenants", tenantId, "timelines", early))).toBe(false);
  const listed = {
    timelines: [{ timeline_id: middle }],
    offloaded: [{ timeline_id: early, ancestor_timeline_id: middle }],
  };
  expect(await list()).toMatchObject(listed);
  expect(await server.http("DELETE", path(middle))).toMatchObject({
    status: 412,
    json: { msg: `Precondition failed: Cannot delete timeline which has child timelines: [${early}]` },
  });

  await server.stop("SIGKILL");
  await server.start();
  expect(await list()).toMatchObject(listed);
  // Garbage collection must leave what it branched off from.
  expect((await server.http("PUT", `${path(middle)}/do_gc`, { gc_horizon: 0 })).status).toBe(200);
  expect((await archive("Unarchived")).status).toBe(200);
  expect(await info(early)).toMatchObject({ is_archived: false, last_record_lsn: before["last_record_lsn"] });
  const lsn = Lsn.parse(before["last_record_lsn"] ?? "");
  expect(await at(lsn, early)).toMatchObject([{ kind: "dbsize" }, { kind: "getpage" }]);
});

test("an offloaded timeline can be deleted", async () => {
  expect((await server.http("PUT", `${path(early)}/archival_config`, { state: "Archived" })).status).toBe(200);
  expect((await server.http("PUT", `${path(early)}/offload`, {})).status).toBe(200);
  expect((await server.http("DELETE", path(early))).status).toBe(202);
  expect((await server.http("PUT", `${path(early)}/archival_config`, { state: "Unarchived" })).status).toBe(404);
  expect(existsSync(join(server.remoteDir, "tenants", tenantId, "timelines", early))).toBe(false);
});

test("while garbage collection is blocked nothing is collected, also after a restart", async () => {
  const gc = async () => (await server.http("PUT", `${path(middle)}/do_gc`, { gc_horizon: 0 })).json;
  expect((await server.http("POST", `${path(middle)}/block_gc`)).status).toBe(200);
  await server.stop("SIGKILL");
  await server.start();
  const image = "checkpoint?force_image_layer_creation=true&wait_until_uploaded=true";
  expect((await server.http("PUT", `${path(middle)}/${image}`)).status).toBe(200);
  expect(await gc()).toMatchObject({ layers_total: 0, layers_removed: 0 });
  expect((await server.http("POST", `${path(middle)}/unblock_gc`)).status).toBe(200);
});

test("nothing of this was worth a warning", () => expect(server.complaints()).toEqual([]));

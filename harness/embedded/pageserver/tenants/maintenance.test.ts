import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Lsn, TenantId, TimelineId } from "../../../types";
import { pollUntil } from "../../../wait";
import type { PagestreamBody } from "../../../wire";
import { announce, FakeSafekeeper } from "../testing/fake-safekeeper";
import { PagestreamClient } from "../testing/pagestream-client";
import { TestPageserver } from "../testing/test-pageserver";
import { writeWal } from "../testing/write-wal";

const PG_CLASS: PagestreamBody = { kind: "nblocks", rel: { spcNode: 1663, dbNode: 5, relNode: 1259, forkNum: 0 } };
const SETTINGS = {
  checkpoint_distance: 300_000,
  compaction_period: "0s",
  pitr_interval: "0s",
  image_creation_threshold: 1000,
  // Else nothing would be collected after a start for as long as leases might be there that nobody has renewed yet.
  lsn_lease_length: "0s",
};

interface LayerInfo {
  kind: "Image" | "Delta";
  layer_file_name: string;
  lsn_start: string;
  l0?: boolean;
  access_stats: { access_time: number };
}

const tenantId = TenantId.generate();
const timelineId = TimelineId.generate();
const server = new TestPageserver();
const timelinePath = `/v1/tenant/${tenantId}/timeline/${timelineId}`;
const safekeeper = new FakeSafekeeper();
let news: { stop(): void } | undefined;
/** Half-way through the WAL. */
let middle: Lsn;

const info = async () => (await server.http("GET", timelinePath)).json as Record<string, string>;
const layers = async () =>
  ((await server.http("GET", `${timelinePath}/layer`)).json as { historic_layers: LayerInfo[] }).historic_layers;
const images = async () => (await layers()).filter(({ kind }) => kind === "Image");
const put = async (path: string, body?: unknown) => {
  const answer = await server.http("PUT", `${timelinePath}/${path}`, body);
  expect(answer.status, answer.text).toBe(200);
  return answer.json;
};
const remoteDir = join(server.remoteDir, "tenants", tenantId, "timelines", timelineId);
const remoteLayers = () =>
  readdirSync(remoteDir)
    .filter((name) => name.includes("__"))
    .map((name) => name.replace(/-[0-9a-f]{8}$/, ""))
    .toSorted();
const indexedLayers = () => {
  const index = readdirSync(remoteDir).filter((name) => name.startsWith("index_part"));
  const text = readFileSync(join(remoteDir, index.toSorted().at(-1) ?? ""), "utf8");
  return Object.keys((JSON.parse(text) as { layer_metadata: object }).layer_metadata).toSorted();
};
const names = async () => (await layers()).map(({ layer_file_name: name }) => name).toSorted();

async function settings(more: object): Promise<void> {
  const conf = { tenant_id: tenantId, ...SETTINGS, ...more };
  expect((await server.http("PUT", "/v1/tenant/config", conf)).status).toBe(200);
}

async function ask(body: PagestreamBody, requestLsn: Lsn, timeline = timelineId) {
  const client = await PagestreamClient.open(await server.connect(), tenantId, timeline);
  return client.ask(body, { requestLsn, notModifiedSince: requestLsn });
}

beforeAll(async () => {
  await server.prepare("wait_lsn_timeout = '3s'");
  await server.start();
  await server.attach(tenantId, { lsn_lease_length: "0s" });
  await settings({});
  await server.createTimeline(tenantId, timelineId);
  await safekeeper.listen();
  const base = (await server.connect()).copyOut(`stockbackup ${tenantId} ${timelineId} latest`);
  const written = await writeWal(server, base, "create table t as select generate_series(1, 20000) as i");
  safekeeper.serve(written.start, written.wal);
  news = announce(server, safekeeper, { tenantId, timelineId });
  await pollUntil(
    "the WAL is received",
    async () => Lsn.parse((await info())["last_record_lsn"] ?? "") === safekeeper.commitLsn,
    {
      budgetMs: 5000,
    },
  );
  middle = (written.start + safekeeper.commitLsn) / 2n;
});
afterAll(async () => {
  news?.stop();
  await safekeeper.stop();
  await server.cleanUp();
});
afterEach(() => server.dropClients());

test("level 0 layers are merged into level 1, and every LSN can still be read", async () => {
  await put("checkpoint?compact=false");
  const before = (await layers()).filter(({ l0 }) => l0 === true);
  expect(before.length).toBeGreaterThan(2);
  await put("compact");
  expect((await layers()).filter(({ l0 }) => l0 === true)).toHaveLength(before.length);
  await put("compact?force_l0_compaction=true&wait_until_uploaded=true");
  const deltas = (await layers()).filter(({ kind }) => kind === "Delta");
  expect(deltas).toMatchObject([{ l0: false, lsn_start: before[0]?.lsn_start }]);
  expect(deltas[0]?.layer_file_name).toMatch(/^0{36}-030{33}2__/);
  expect(await ask(PG_CLASS, middle)).toMatchObject({ kind: "nblocks" });
  expect(indexedLayers()).toEqual(await names());
  await server.http("PUT", "/v1/deletion_queue/flush");
  expect(remoteLayers()).toEqual(await names());
});

test("an image is made when it is asked for, stands in the index, and is what later reads start from", async () => {
  const before = await ask({ kind: "dbsize", dbNode: 5 }, safekeeper.commitLsn);
  await put("checkpoint?force_image_layer_creation=true&wait_until_uploaded=true");
  const [, image] = (await images()).map(({ lsn_start: lsn }) => lsn);
  expect(image).toBe(Lsn.format(safekeeper.commitLsn));
  expect(indexedLayers()).toEqual(await names());
  await server.stop("SIGKILL");
  await server.start();
  expect(await ask({ kind: "dbsize", dbNode: 5 }, safekeeper.commitLsn)).toEqual({ ...before, reqid: 1n });
  const times = (await images()).map(({ access_stats: stats }) => stats.access_time);
  expect(times[0]).toBe(0);
  expect(times[1]).toBeGreaterThan(0);
  await put("compact?force_image_layer_creation=true");
  expect(await images()).toHaveLength(2);
});

test("Postgres starts from the image", async () => {
  const base = (await server.connect()).copyOut(`stockbackup ${tenantId} ${timelineId} latest`);
  const written = await writeWal(server, base, "do $$ begin assert (select count(*) = 20000 from t); end $$");
  expect(written.start).toBe(safekeeper.commitLsn);
});

const branch = TimelineId.generate();
const createBranch = (lsn: Lsn, id: TimelineId) =>
  server.http("POST", `/v1/tenant/${tenantId}/timeline`, {
    new_timeline_id: id,
    ancestor_timeline_id: timelineId,
    ancestor_start_lsn: Lsn.format(lsn),
  });

test("garbage collection keeps what a lease and a branch need, and says so", async () => {
  await settings({ lsn_lease_length: "10m" });
  const lease = await server.http("POST", `${timelinePath}/lsn_lease`, { lsn: Lsn.format(middle) });
  expect(lease.status).toBe(200);
  await settings({ pitr_interval: "7days" });
  expect(await put("do_gc", { gc_horizon: 0 }), "all of it is young").toMatchObject({ layers_total: 0 });
  await settings({});
  const before = await names();
  expect((await createBranch(middle, branch)).status).toBe(201);
  expect(await put("do_gc", { gc_horizon: 8 })).toMatchObject({
    layers_total: 3,
    layers_needed_by_cutoff: 2,
    layers_needed_by_branches: 1,
    layers_removed: 0,
  });
  expect(await names()).toEqual(before);
  expect(await ask(PG_CLASS, middle)).toMatchObject({ kind: "nblocks" });
  expect(await ask(PG_CLASS, middle + 8n)).toMatchObject({ kind: "error", message: "Read error" });
});

test("what nobody needs is removed, and reads, bases and branches below the cutoff are refused", async () => {
  // Leases don't outlive a restart.
  await server.stop("SIGTERM");
  await server.start();
  expect(await put("do_gc", { gc_horizon: 4 })).toMatchObject({ layers_needed_by_branches: 1, layers_removed: 0 });
  expect(await ask(PG_CLASS, middle, branch)).toMatchObject({ kind: "nblocks" });
  expect((await server.http("DELETE", `/v1/tenant/${tenantId}/timeline/${branch}`)).status).toBe(202);
  expect(await put("do_gc", { gc_horizon: 0 })).toMatchObject({ layers_total: 3, layers_removed: 2 });
  expect(await images()).toMatchObject([{ lsn_start: Lsn.format(safekeeper.commitLsn) }]);
  expect(indexedLayers()).toEqual(await names());
  await server.http("PUT", "/v1/deletion_queue/flush");
  expect(remoteLayers()).toEqual(await names());
  await server.stop("SIGKILL");
  await server.start();
  const cutoff = (await info())["latest_gc_cutoff_lsn"] ?? "";
  expect(cutoff).toBe(Lsn.format(safekeeper.commitLsn));
  expect(await ask(PG_CLASS, middle)).toMatchObject({ kind: "error", message: "Read error" });
  const refused = `LSN ${Lsn.format(middle)} is earlier than latest GC cutoff ${cutoff} (we might've already garbage collected needed data)`;
  const backup = (await server.connect()).query(`stockbackup ${tenantId} ${timelineId} ${Lsn.format(middle)}`);
  await expect(backup).rejects.toThrow(`invalid basebackup lsn: ${refused}`);
  expect(await createBranch(middle, TimelineId.generate())).toMatchObject({
    status: 406,
    text: expect.stringContaining(`invalid branch start lsn: less than latest GC cutoff ${cutoff}: LSN`),
  });
});

test("the last image still has everything", async () => {
  const base = (await server.connect()).copyOut(`stockbackup ${tenantId} ${timelineId} latest`);
  await writeWal(server, base, "do $$ begin assert (select count(*) = 20000 from t); end $$");
});

const NEXT = "create table u as select generate_series(1, 30000) as i";

test("without being asked an image is made at the last checkpoint, as compaction_period and the thresholds say", async () => {
  const more = await writeWal(
    server,
    (await server.connect()).copyOut(`stockbackup ${tenantId} ${timelineId} latest`),
    NEXT,
  );
  safekeeper.serve(more.start, more.wal);
  await server.stop("SIGTERM");
  await server.start();
  await pollUntil("more WAL", async () => (await info())["last_record_lsn"] === Lsn.format(safekeeper.commitLsn), {
    budgetMs: 5000,
  });
  await put("checkpoint?compact=false");
  expect(await images()).toHaveLength(1);
  await settings({ image_creation_threshold: 2, compaction_period: "1s" });
  await pollUntil("an image", async () => (await images()).length === 2, { budgetMs: 10_000 });
  const image = Lsn.parse((await images()).at(-1)?.lsn_start ?? "");
  // The last record is the shutdown checkpoint of the server that wrote the WAL.
  expect(image).toBe(safekeeper.commitLsn);
  expect(indexedLayers()).toEqual(await names());
});

test("a detach does not wait for an image that is being made, and leaves nothing of it", async () => {
  const id = TimelineId.generate();
  expect((await createBranch(safekeeper.commitLsn, id)).status).toBe(201);
  const job = server.http("PUT", `/v1/tenant/${tenantId}/timeline/${id}/compact?force_image_layer_creation=true`);
  const begun = (): boolean => readdirSync(join(server.dir, "materialized")).some((name) => name.startsWith(id));
  await pollUntil("the job begins", begun, { budgetMs: 5000, intervalMs: 2 });
  const begin = performance.now();
  await server.http("PUT", `/v1/tenant/${tenantId}/location_config`, { mode: "Detached" });
  expect(performance.now() - begin).toBeLessThan(1000);
  expect(await job).toMatchObject({ status: 503 });
  expect(readdirSync(join(server.dir, "tenants"))).toEqual([]);
  expect(readdirSync(join(server.dir, "materialized"))).toEqual([]);
  expect(readdirSync(join(remoteDir, "..", id))).toEqual([expect.stringMatching(/^index_part/)]);
});

test("nothing of this was worth a warning", () => expect(server.complaints()).toEqual([]));

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Lsn, TenantId, TimelineId } from "../../types";
import { pollUntil } from "../../wait";
import { announce, FakeSafekeeper } from "./testing/fake-safekeeper";
import { PagestreamClient } from "./testing/pagestream-client";
import { TestPageserver } from "./testing/test-pageserver";
import { writeWal } from "./testing/write-wal";

const PG_CLASS = { spcNode: 1663, dbNode: 5, relNode: 1259, forkNum: 0 };

const server = new TestPageserver();
const safekeeper = new FakeSafekeeper();
const [tenantId, timelineId] = [TenantId.generate(), TimelineId.generate()];
/** A tenant to which nothing happens. */
const [otherTenant, otherTimeline] = [TenantId.generate(), TimelineId.generate()];
const timelinePath = `/v1/tenant/${tenantId}/timeline/${timelineId}`;
const localDir = join(server.dir, "tenants", tenantId, "timelines", timelineId);
const remoteDir = join(server.remoteDir, "tenants", tenantId, "timelines", timelineId);
let news: { stop(): void } | undefined;
let written: { start: Lsn; wal: Buffer };

const lastRecord = async () =>
  Lsn.parse(((await server.http("GET", timelinePath)).json as { last_record_lsn: string }).last_record_lsn);

async function ask(tenant = tenantId, timeline = timelineId) {
  const client = await PagestreamClient.open(await server.connect(), tenant, timeline);
  return client.ask({ kind: "nblocks", rel: PG_CLASS });
}

const layersIn = (dir: string, kind: "image" | "delta") => {
  const isDelta = (name: string): boolean => /__[0-9A-F]{16}-[0-9A-F]{16}-/.test(name);
  return readdirSync(dir)
    .filter((name) => name.includes("__") && isDelta(name) === (kind === "delta"))
    .map((name) => join(dir, name));
};

function damage(path: string): void {
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.length / 2);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(path, bytes);
}

/** Whatever happens to one tenant, the node and another tenant go on. */
afterEach(async () => {
  expect(await ask(otherTenant, otherTimeline)).toMatchObject({ kind: "nblocks" });
  server.dropClients();
});

beforeAll(async () => {
  await server.prepare("wait_lsn_timeout = '3s'");
  await server.start();
  for (const [tenant, timeline] of [[tenantId, timelineId] as const, [otherTenant, otherTimeline] as const]) {
    await server.attach(tenant);
    await server.createTimeline(tenant, timeline);
  }
  await safekeeper.listen();
  const base = (await server.connect()).copyOut(`stockbackup ${tenantId} ${timelineId} latest`);
  written = await writeWal(server, base, "create table t as select generate_series(1, 10000) as i");
});

afterAll(async () => {
  news?.stop();
  await safekeeper.stop();
  await server.cleanUp();
});

test("a record that a safekeeper sends damaged is refused with its name, and taken when it comes whole", async () => {
  const damaged = Buffer.from(written.wal);
  const at = Math.floor(damaged.length / 2);
  damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
  safekeeper.serve(written.start, damaged);
  news = announce(server, safekeeper, { tenantId, timelineId });
  const complaint = new RegExp(`WARN .*safekeeper at ${safekeeper.address} sent invalid WAL at [0-9A-F/]+: `);
  await pollUntil("the refusal", () => complaint.test(server.log), { budgetMs: 10_000 });
  expect(await lastRecord()).toBeLessThan(safekeeper.commitLsn);
  safekeeper.serve(written.start, written.wal);
  await pollUntil("the WAL", async () => (await lastRecord()) === safekeeper.commitLsn, { budgetMs: 10_000 });
  expect((await server.http("PUT", `${timelinePath}/checkpoint?wait_until_uploaded=true`)).status).toBe(200);
});

test.each(["image", "delta"] as const)("%s layer: damaged on this disk, it comes from remote storage", async (kind) => {
  const before = await ask();
  await server.stop("SIGTERM");
  const [path = ""] = layersIn(localDir, kind);
  damage(path);
  await server.start();
  expect(await ask()).toEqual(before);
  expect(server.log).toContain(`layer file ${path} is damaged: wrong checksum; it is downloaded again`);
});

test.each(["image", "delta"] as const)(
  "%s layer: truncated on this disk, it comes from remote storage",
  async (kind) => {
    const before = await ask();
    await server.stop("SIGTERM");
    const [path = ""] = layersIn(localDir, kind);
    writeFileSync(path, readFileSync(path).subarray(0, 1000));
    await server.start();
    expect(await ask()).toEqual(before);
  },
);

test.each(["image", "delta"] as const)(
  "%s layer: damaged in remote storage, it is named and not used",
  async (kind) => {
    await server.stop("SIGTERM");
    const [local = ""] = layersIn(localDir, kind);
    const [remote = ""] = layersIn(remoteDir, kind);
    const whole = readFileSync(remote);
    damage(local);
    damage(remote);
    await server.start();
    expect(await ask()).toMatchObject({ kind: "error", message: "Read error" });
    const name = /([0-9A-F]+-[0-9A-F]+__[0-9A-F]+(-[0-9A-F]{16})?)-[0-9a-f]{8}$/.exec(remote)?.[1] ?? "";
    expect(server.log).toContain(`layer ${name} is damaged in remote storage: wrong checksum`);
    writeFileSync(remote, whole);
    expect(await ask(), server.log.slice(-3000)).toMatchObject({ kind: "nblocks" });
  },
);

test("an index that can't be read makes its tenant Broken, by name, and is left as it is", async () => {
  await server.stop("SIGTERM");
  const indexes = readdirSync(remoteDir).filter((name) => name.startsWith("index_part"));
  const index = join(remoteDir, indexes.toSorted().at(-1) ?? "");
  const whole = readFileSync(index);
  writeFileSync(index, whole.subarray(0, whole.length / 2));
  await server.start();
  const broken = await server.http("GET", timelinePath);
  expect(broken.status).toBe(500);
  expect(broken.text).toMatch(new RegExp(`is broken: .*timelines/${timelineId}/index_part.json-`));
  expect(await server.http("GET", `/v1/tenant/${tenantId}`)).toMatchObject({
    json: { state: { slug: "Broken" } },
  });
  await server.stop("SIGTERM");
  expect(readFileSync(index).length).toBe(Math.floor(whole.length / 2));
  writeFileSync(index, whole);
  await server.start();
  expect(await ask()).toMatchObject({ kind: "nblocks" });
});

test("a layer that could not be written is written with the next flush, and none is missing before it", async () => {
  const put = (path: string, body?: unknown) => server.http("PUT", path, body);
  const failWith = (actions: string) =>
    put("/v1/failpoints", [{ name: "delta-layer-writer-fail-before-finish", actions }]);
  await put(`${timelinePath}/checkpoint?force_image_layer_creation=true&wait_until_uploaded=true`);
  expect((await failWith("return")).status).toBe(200);
  const more = await writeWal(
    server,
    (await server.connect()).copyOut(`stockbackup ${tenantId} ${timelineId} latest`),
    "create table u as select generate_series(1, 10000) as i",
  );
  const half = Math.floor(more.wal.length / 2);
  const before = layersIn(remoteDir, "delta").length;
  await put("/v1/tenant/config", { tenant_id: tenantId, checkpoint_distance: 200_000 });
  for (const end of [half, more.wal.length]) {
    safekeeper.serve(more.start, more.wal.subarray(0, end));
    await pollUntil("the WAL", async () => (await lastRecord()) > more.start + BigInt(end - 1000), {
      budgetMs: 10_000,
    });
    expect((await put(`${timelinePath}/checkpoint?compact=false`)).status).toBe(500);
  }
  expect(server.log).toMatch(/ERROR .*could not flush frozen layer: /);
  await failWith("off");
  expect((await put(`${timelinePath}/checkpoint?compact=false&wait_until_uploaded=true`)).status).toBe(200);
  expect(layersIn(remoteDir, "delta").length).toBeGreaterThan(before + 1);
  await server.stop("SIGKILL");
  await server.start();
  expect(await lastRecord()).toBeGreaterThan(more.start + BigInt(half));
  expect(await ask()).toMatchObject({ kind: "nblocks" });
});

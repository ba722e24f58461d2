import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { TenantId, TimelineId } from "../../../types";
import { pollUntil } from "../../../wait";
import { floodUntilStuck } from "../testing/pagestream-client";
import { TestPageserver } from "../testing/test-pageserver";

const PG_CLASS = { spcNode: 1663, dbNode: 5, relNode: 1259, forkNum: 0 };

const tenantId = TenantId.generate();
const timelineId = TimelineId.generate();
const server = new TestPageserver();

beforeAll(async () => {
  await server.prepare();
  await server.start();
  await server.attach(tenantId);
  await server.createTimeline(tenantId, timelineId);
});
afterEach(() => server.dropClients());
afterAll(() => server.cleanUp());

const flood = async (id: TenantId, timeline: TimelineId, kind: "test" | "getpage") => {
  const body = {
    test: { kind: "test" as const, batchKey: 42n, message: Buffer.alloc(1024 * 1024, 1) },
    getpage: { kind: "getpage" as const, rel: PG_CLASS, blkno: 0 },
  }[kind];
  const client = await server.connect();
  await floodUntilStuck(client, `pagestream_v3 ${id} ${timeline}`, body, 300);
  return client;
};

test.each(["test", "getpage"] as const)("clients that do not read do not hold a detach: %s", async (kind) => {
  const otherTenant = TenantId.generate();
  const otherTimeline = TimelineId.generate();
  const path = `/v1/tenant/${otherTenant}`;
  await server.attach(otherTenant);
  await server.createTimeline(otherTenant, otherTimeline);
  const client = await flood(otherTenant, otherTimeline, kind);
  const begin = performance.now();
  expect((await server.http("PUT", `${path}/location_config`, { mode: "Detached" })).status).toBe(200);
  expect(performance.now() - begin).toBeLessThan(1000);
  await pollUntil("the client is cut off", () => client.closed.aborted, { budgetMs: 1000 });
  expect((await server.http("GET", path)).status).toBe(404);
  expect((await server.http("GET", "/metrics")).text).not.toContain(otherTenant);
  expect(readdirSync(join(server.dir, "tenants"))).toEqual([tenantId]);
  server.storageController.tenants.delete(otherTenant);
});

test.each(["test", "getpage"] as const)("clients that do not read do not hold the shutdown: %s", async (kind) => {
  await flood(tenantId, timelineId, kind);
  const { code, elapsedMs } = await server.stop("SIGTERM");
  expect(code).toBe(0);
  expect(elapsedMs).toBeLessThan(1000);
  await server.start();
});

test("a client that does not read takes no memory without limit", async () => {
  const before = server.residentBytes();
  await flood(tenantId, timelineId, "test");
  expect(server.residentBytes() - before).toBeLessThan(100 * 1024 * 1024);
});

test("a stuck client that goes away is forgotten, and nothing of this was worth a warning", async () => {
  await flood(tenantId, timelineId, "getpage");
  server.dropClients();
  expect((await server.http("PUT", `/v1/tenant/${tenantId}/timeline/${timelineId}/checkpoint`)).status).toBe(200);
  expect(server.complaints()).toEqual([]);
});

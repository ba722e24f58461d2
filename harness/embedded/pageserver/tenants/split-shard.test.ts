import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lsn, TenantId, TenantShardId, TimelineId } from "../../../types";
import type { PagestreamBody, RelTag } from "../../../wire";
import { shardOfPage } from "../page-service/shard-of";
import { PagestreamClient } from "../testing/pagestream-client";
import { TestPageserver } from "../testing/test-pageserver";
import { childrenOfShard } from "./split-shard";

const server = new TestPageserver();
const [tenantId, timelineId] = [TenantId.generate(), TimelineId.generate()];
const shard = (shardNumber: number, shardCount: number): string =>
  TenantShardId.format({ tenantId, shardNumber, shardCount });
const PG_CLASS: RelTag = { spcNode: 1663, dbNode: 5, relNode: 1259, forkNum: 0 };
const PG_ATTRIBUTE: RelTag = { ...PG_CLASS, relNode: 1249 };

beforeAll(async () => {
  await server.prepare();
  await server.start();
});
afterAll(() => server.cleanUp());

describe("which shard", () => {
  test("holds a page is what Neon's own test says", () => {
    const rel = { spcNode: 0x67f, dbNode: 5, relNode: 0x400c, forkNum: 0 };
    expect(shardOfPage(rel, 0x7d06, { count: 10, stripeSize: 32768 })).toBe(8);
    expect(shardOfPage({ ...rel, forkNum: 3 }, 0x7d06, { count: 10, stripeSize: 32768 })).toBe(0);
    expect(shardOfPage(rel, 0x7d06, { count: 0, stripeSize: 32768 })).toBe(0);
  });

  test("becomes which children", () => {
    const children = (shardNumber: number, shardCount: number, newCount: number) =>
      childrenOfShard({ tenantId, shardNumber, shardCount }, newCount).map((id) => id.shardNumber);
    expect(children(0, 0, 2)).toEqual([0, 1]);
    expect(children(1, 2, 8)).toEqual([1, 3, 5, 7]);
    expect(() => children(0, 4, 3)).toThrow("Requested count 3 but already have shards at count 4");
  });
});

async function attach(id: string, more: object = {}): Promise<void> {
  const generation = server.storageController.nextGeneration(id);
  const body = { mode: "AttachedSingle", generation, tenant_conf: {}, ...more };
  const { status, text } = await server.http("PUT", `/v1/tenant/${id}/location_config`, body);
  expect(status, text).toBe(200);
}

const create = (id: string, more: object = {}) =>
  server.http("POST", `/v1/tenant/${id}/timeline`, { new_timeline_id: timelineId, pg_version: 17, ...more });

async function pages(): Promise<unknown[]> {
  const client = await PagestreamClient.open(await server.connect(), tenantId, timelineId);
  const lsns = { requestLsn: Lsn.MAX, notModifiedSince: 1n };
  const bodies: PagestreamBody[] = [{ kind: "dbsize", dbNode: 5 }];
  for (const rel of [PG_CLASS, PG_ATTRIBUTE]) {
    bodies.push({ kind: "nblocks", rel });
    for (let blkno = 0; blkno < 12; blkno += 1) bodies.push({ kind: "getpage", rel, blkno });
  }
  const answers: unknown[] = [];
  for (const body of bodies) answers.push({ ...(await client.ask(body, lsns)), reqid: 0n });
  return answers;
}

test("every shard serves its own pages, and says so when one is not here", async () => {
  const layout = { shard_stripe_size: 2, shard_count: 2 };
  await attach(shard(0, 2), layout);
  await attach(shard(1, 2), layout);
  expect((await create(shard(0, 2))).status).toBe(201);
  const other = await create(shard(1, 2), { existing_initdb_timeline_id: timelineId });
  expect(other.status, other.text).toBe(201);
  const missing = await create(shard(1, 2), {
    new_timeline_id: TimelineId.generate(),
    existing_initdb_timeline_id: TimelineId.generate(),
  });
  expect(missing.status).toBe(500);

  const all = await pages();
  expect(all.filter((answer) => (answer as { kind: string }).kind === "error")).toEqual([]);
  const metrics = (await server.http("GET", "/metrics")).text;
  for (const slug of ["0002", "0102"]) {
    const served = new RegExp(`smgr_query_started_count\\{.*shard_id="${slug}".*get_page_at_lsn"\\} (\\d+)`).exec(
      metrics,
    );
    expect(Number(served?.[1]), slug).toBeGreaterThan(4);
  }

  await server.http("PUT", `/v1/tenant/${shard(1, 2)}/location_config`, { mode: "Detached" });
  await expect(pages()).rejects.toThrow("reconnect");
  await attach(shard(1, 2), layout);
  expect(await pages()).toEqual(all);
});

test("shards are split further; the children share the parents' layers and survive a restart", async () => {
  const before = await pages();
  const split = (id: string, count: number) =>
    server.http("PUT", `/v1/tenant/${id}/shard_split`, { new_shard_count: count });
  expect((await split(shard(0, 2), 3)).status).toBe(400);
  await server.http("PUT", "/v1/failpoints", [{ name: "shard-split-post-child-conf", actions: "return" }]);
  expect((await split(shard(0, 2), 4)).status).toBe(500);
  await server.http("PUT", "/v1/failpoints", [{ name: "shard-split-post-child-conf", actions: "off" }]);
  expect(readdirSync(join(server.dir, "tenants")).toSorted()).toEqual([shard(0, 2), shard(1, 2)].toSorted());
  expect(await pages()).toEqual(before);

  expect((await split(shard(0, 2), 4)).json).toEqual({ new_shards: [shard(0, 4), shard(2, 4)] });
  expect((await split(shard(1, 2), 4)).json).toEqual({ new_shards: [shard(1, 4), shard(3, 4)] });
  expect(await pages()).toEqual(before);
  // Only indexes: the layers are the parents'.
  const ofChild = join(server.remoteDir, "tenants", shard(3, 4), "timelines", timelineId);
  expect(readdirSync(ofChild)).toEqual([expect.stringMatching(/^index_part/)]);

  for (const number of [0, 1]) server.storageController.tenants.delete(shard(number, 2));
  for (const number of [0, 1, 2, 3]) server.storageController.tenants.set(shard(number, 4), 5);
  await server.stop("SIGKILL");
  await server.start();
  expect(await pages()).toEqual(before);

  // A child on a disk that has nothing finds its grandparents' layers.
  await server.http("PUT", `/v1/tenant/${shard(3, 4)}/location_config`, { mode: "Detached" });
  await attach(shard(3, 4), { shard_stripe_size: 2, shard_count: 4 });
  expect(await pages()).toEqual(before);
});

test("nothing of this was worth a warning, but for the failpoint", () => {
  expect(server.complaints().filter((line) => !/failpoint|initdb of timeline/.test(line))).toEqual([]);
});

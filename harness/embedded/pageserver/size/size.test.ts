import { afterAll, beforeAll, expect, test } from "vitest";
import { TenantId, TimelineId } from "../../../types";
import { TestPageserver } from "../testing/test-pageserver";

const server = new TestPageserver();
const [tenantId, timelineId] = [TenantId.generate(), TimelineId.generate()];

beforeAll(async () => {
  await server.prepare();
  await server.start();
  await server.attach(tenantId);
  await server.createTimeline(tenantId, timelineId);
});
afterAll(() => server.cleanUp());

test("the size of a tenant without history is that of its relations", async () => {
  const counted = await server.http(
    "GET",
    `/v1/tenant/${tenantId}/timeline/${timelineId}?include-non-incremental-logical-size=true`,
  );
  const { current_logical_size_non_incremental: logical } = counted.json as Record<string, number>;
  const { json } = await server.http("GET", `/v1/tenant/${tenantId}/synthetic_size`);
  expect(json).toMatchObject({
    id: tenantId,
    segment_sizes: [{ method: "SnapshotHere" }, { method: "Wal" }],
    inputs: { segments: [{ segment: { size: logical }, kind: "BranchStart" }, { kind: "BranchEnd" }] },
  });
  const { size } = json as { size: number };
  expect(size).toBeGreaterThanOrEqual(logical ?? 0);
  expect(size).toBeLessThan((logical ?? 0) + 1024);
});

test("tenants are listed by size, and their layers leave the disk when it is full", async () => {
  const top = async (where: object) =>
    (await server.http("POST", "/v1/top_tenants", { order_by: "resident_size", limit: 5, ...where })).json;
  expect(await top({})).toMatchObject({ shards: [{ id: tenantId }] });
  expect(await top({ where_gt: 1e9 })).toEqual({ shards: [] });
  expect(await top({ where_shards_lt: 0 })).toEqual({ shards: [] });
  const run = async (bytes: number) =>
    (await server.http("PUT", "/v1/disk_usage_eviction/run", { evict_bytes: bytes })).json;
  expect(await run(0)).toBe("NoPressure");
  // The only layer is what the tenant is promised to keep, but there is no other way.
  expect(await run(1)).toMatchObject({
    Finished: {
      before: { evict_bytes: 1, freed_bytes: 0 },
      planned: {
        respecting_tenant_min_resident_size: { freed_bytes: 0 },
        fallback_to_global_lru: { freed_bytes: expect.any(Number) as number },
      },
      assumed: { failed: { count: 0, file_sizes: 0 } },
    },
  });
  const { json } = await server.http("GET", `/v1/tenant/${tenantId}/timeline/${timelineId}/layer`);
  expect(json).toMatchObject({ historic_layers: [{ remote: true }] });
  expect(await top({})).toMatchObject({ shards: [{ resident_size: 0 }] });
});

import { expect, test } from "vitest";
import { Lsn, TenantId, TenantShardId, TimelineId } from "../../types";
import { failureOf, TestServer } from "../testing/node-server";
import { PageserverClient } from "./client";

const T = TenantId.parse("11111111111111111111111111111111");
const TL = TimelineId.parse("22222222222222222222222222222222");
const CHILD = TimelineId.parse("55555555555555555555555555555555");
const SHARD = TenantShardId.parse(`${T}-0104`);
const TIMELINE = `/v1/tenant/${T}/timeline/${TL}`;

/** As a real pageserver described a timeline that has no WAL source yet. */
const BRANCH = {
  tenant_id: T,
  timeline_id: CHILD,
  ancestor_timeline_id: TL,
  ancestor_lsn: "0/14EC430",
  last_record_lsn: "0/14EC430",
  prev_record_lsn: "0/14EC3E0",
  latest_gc_cutoff_lsn: "0/14EC330",
  disk_consistent_lsn: "0/14EC430",
  remote_consistent_lsn: "0/14EC430",
  remote_consistent_lsn_visible: "0/0",
  initdb_lsn: "0/14EC330",
  last_received_msg_lsn: null,
  state: "Active",
  is_archived: false,
};

async function clientOf(body: unknown, status = 200) {
  const server = await TestServer.listen(() => ({ status, body }));
  return {
    server,
    client: new PageserverClient("pageserver_1", server.url),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

type Row = [line: string, call: (client: PageserverClient) => Promise<unknown>, body?: unknown];

// Routes, queries and bodies as they stand in neon-protocols §3.1 and in the recorded answers.
const ROUTES: Row[] = [
  ["GET /v1/status", (c) => c.status()],
  ["POST /v1/reload_auth_validation_keys", (c) => c.reloadAuthValidationKeys()],
  ["GET /v1/utilization", (c) => c.utilization()],
  ["PUT /v1/deletion_queue/flush?execute=true", (c) => c.flushDeletionQueue({ execute: true })],
  ["PUT /v1/disk_usage_eviction/run", (c) => c.runDiskUsageEviction({ evict_bytes: 1 }), { evict_bytes: 1 }],
  [
    "POST /v1/top_tenants",
    (c) => c.topTenants({ order_by: "max_logical_size", limit: 10 }),
    { order_by: "max_logical_size", limit: 10 },
  ],
  ["POST /v1/tracing/event", (c) => c.postTracingEvent("error", "hello"), { level: "error", message: "hello" }],
  ["PUT /v1/io_engine", (c) => c.setIoEngine("std-fs"), "std-fs"],
  ["PUT /v1/io_mode", (c) => c.setIoMode("direct"), "direct"],
  ["GET /v1/panic", (c) => c.panic()],
  ["GET /profile/cpu?seconds=1&format=svg", (c) => c.cpuProfile({ seconds: 1, format: "svg" })],
  ["GET /profile/heap", (c) => c.heapProfile()],
  ["GET /v1/tenant", (c) => c.listTenants()],
  [`GET /v1/tenant/${T}`, (c) => c.tenant(T)],
  [`GET /v1/tenant/${T}-0104?activate=true`, (c) => c.tenant(SHARD, { activate: true })],
  [`DELETE /v1/tenant/${T}`, (c) => c.deleteTenant(T)],
  [
    `PUT /v1/tenant/${T}/location_config?flush_ms=500&lazy=true`,
    (c) => c.locationConfig(T, { mode: "AttachedMulti", generation: 2, tenant_conf: {} }, { flushMs: 500, lazy: true }),
    { mode: "AttachedMulti", generation: 2, tenant_conf: {} },
  ],
  [`PUT /v1/tenant/${T}/location_config`, (c) => c.detachTenant(T), { mode: "Detached", tenant_conf: {} }],
  ["GET /v1/location_config", (c) => c.listLocations()],
  [`GET /v1/location_config/${T}`, (c) => c.location(T)],
  [`GET /v1/tenant/${T}/config`, (c) => c.tenantConfig(T)],
  ["PUT /v1/tenant/config", (c) => c.setTenantConfig(T, { gc_period: "0s" }), { tenant_id: T, gc_period: "0s" }],
  [
    "PATCH /v1/tenant/config",
    (c) => c.patchTenantConfig(T, { pitr_interval: null }),
    { tenant_id: T, pitr_interval: null },
  ],
  [`POST /v1/tenant/${T}/reset?drop_cache=true`, (c) => c.resetTenant(T, { dropCache: true })],
  [`PUT /v1/tenant/${T}/shard_split`, (c) => c.splitShard(T, { new_shard_count: 4 }), { new_shard_count: 4 }],
  [
    `PUT /v1/tenant/${T}/time_travel_remote_storage?travel_to=2026-11-22T12%3A00%3A00.000Z&done_if_after=2026-11-22T13%3A00%3A00.000Z`,
    (c) =>
      c.timeTravelRemoteStorage(T, {
        travelTo: new Date("2026-11-22T12:00:00Z"),
        doneIfAfter: new Date("2026-11-22T13:00:00Z"),
        shardCounts: [0],
      }),
    { shard_counts: [0] },
  ],
  [`GET /v1/tenant/${T}/synthetic_size?inputs_only=true`, (c) => c.syntheticSize(T, { inputsOnly: true })],
  [`GET /v1/tenant/${T}/synthetic_size`, (c) => c.syntheticSizePage(T)],
  [`POST /v1/tenant/${T}/heatmap_upload`, (c) => c.uploadHeatmap(T)],
  [`GET /v1/tenant/${T}/secondary/status`, (c) => c.secondaryStatus(T)],
  [`POST /v1/tenant/${T}/secondary/download?wait_ms=100`, (c) => c.downloadSecondary(T, { waitMs: 100 })],
  [`GET /v1/tenant/${T}/scan_remote_storage`, (c) => c.scanRemoteStorage(T)],
  [`PUT /v1/tenant/${T}/break`, (c) => c.breakTenant(T)],
  [`GET /v1/tenant/${T}/timeline`, (c) => c.listTimelines(T)],
  [`GET /v1/tenant/${T}/timeline_and_offloaded`, (c) => c.listTimelinesAndOffloaded(T)],
  [
    `GET ${TIMELINE}?include-non-incremental-logical-size=true&force-await-initial-logical-size=true`,
    (c) => c.timelineDetail(T, TL, { includeNonIncrementalLogicalSize: true, forceAwaitInitialLogicalSize: true }),
  ],
  [
    `POST /v1/tenant/${T}/timeline`,
    (c) => c.createTimeline(T, { new_timeline_id: CHILD, ancestor_timeline_id: TL, ancestor_start_lsn: "0/10" }),
    { new_timeline_id: CHILD, ancestor_timeline_id: TL, ancestor_start_lsn: "0/10" },
  ],
  [`DELETE ${TIMELINE}`, (c) => c.deleteTimeline(T, TL)],
  [
    `GET ${TIMELINE}/get_lsn_by_timestamp?timestamp=2020-01-01T00%3A00%3A00.000Z&with_lease=true`,
    (c) => c.lsnByTimestamp(T, TL, new Date("2020-01-01T00:00:00Z"), { withLease: true }),
  ],
  [`GET ${TIMELINE}/get_timestamp_of_lsn?lsn=0%2F14EC430`, (c) => c.timestampOfLsn(T, TL, 0x14ec430n)],
  [`POST ${TIMELINE}/lsn_lease`, (c) => c.leaseLsn(T, TL, 0x14ec430n), { lsn: "0/14EC430" }],
  [`PUT ${TIMELINE}/archival_config`, (c) => c.setArchivalState(T, TL, "Archived"), { state: "Archived" }],
  [`PUT ${TIMELINE}/offload`, (c) => c.offloadTimeline(T, TL), {}],
  [`PUT ${TIMELINE}/detach_ancestor?copy_concurrency=2`, (c) => c.detachAncestor(T, TL, { copyConcurrency: 2 })],
  [`POST ${TIMELINE}/preserve_initdb_archive`, (c) => c.preserveInitdbArchive(T, TL)],
  [
    `PUT ${TIMELINE}/checkpoint?force_image_layer_creation=true&wait_until_uploaded=true&compact=false`,
    (c) => c.checkpoint(T, TL, { forceImageLayerCreation: true, waitUntilUploaded: true, compact: false }),
  ],
  [
    `PUT ${TIMELINE}/compact?force_l0_compaction=true`,
    (c) => c.compact(T, TL, { forceL0Compaction: true, request: { scheduled: true } }),
    { scheduled: true },
  ],
  [`GET ${TIMELINE}/compact`, (c) => c.compactionQueue(T, TL)],
  [`DELETE ${TIMELINE}/compact`, (c) => c.cancelCompaction(T, TL)],
  [`PUT ${TIMELINE}/do_gc`, (c) => c.collectGarbage(T, TL, { gcHorizon: 0 }), { gc_horizon: 0 }],
  [`POST ${TIMELINE}/block_gc`, (c) => c.blockGc(T, TL)],
  [`POST ${TIMELINE}/unblock_gc`, (c) => c.unblockGc(T, TL)],
  [`GET ${TIMELINE}/layer?reset=AllStats`, (c) => c.layerMap(T, TL, { reset: "AllStats" })],
  [
    `POST ${TIMELINE}/download_remote_layers`,
    (c) => c.startRemoteDownload(T, TL, { maxConcurrentDownloads: 4 }),
    { max_concurrent_downloads: 4 },
  ],
  [`GET ${TIMELINE}/download_remote_layers`, (c) => c.remoteDownload(T, TL)],
  [`POST ${TIMELINE}/layer/name/scan_disposable_keys`, (c) => c.scanDisposableKeys(T, TL, "name")],
  [`GET ${TIMELINE}/getpage?key=00&lsn=0%2F10`, (c) => c.getPage(T, TL, { key: "00", lsn: 0x10n })],
  [`GET ${TIMELINE}/keyspace?at_lsn=0%2F10`, (c) => c.keyspace(T, TL, { atLsn: 0x10n })],
  [`POST ${TIMELINE}/ingest_aux_files`, (c) => c.ingestAuxFiles(T, TL, { a: "b" }), { aux_files: { a: "b" } }],
  [`POST ${TIMELINE}/list_aux_files`, (c) => c.listAuxFiles(T, TL, 0x10n), { lsn: "0/10" }],
  [`POST ${TIMELINE}/perf_info`, (c) => c.perfInfo(T, TL)],
  [`GET ${TIMELINE}/page_trace?time_limit_secs=1`, (c) => c.pageTrace(T, TL, { timeLimitSecs: 1 })],
];

test.each(ROUTES)("%s", async (line, call, body) => {
  await using node = await clientOf({});
  await call(node.client);
  expect(node.server.lines).toEqual([line]);
  const sent = node.server.requests[0]?.body ?? "";
  expect(sent === "" ? undefined : JSON.parse(sent)).toEqual(body);
});

test("an import sends the archive as it is", async () => {
  await using node = await clientOf(null);
  const [tar, endLsn] = [Buffer.from("tar"), 0x30n];
  await node.client.importBasebackup(T, TL, { tar, baseLsn: 0x20n, endLsn, pgVersion: 17 });
  await node.client.importWal(T, TL, { tar, startLsn: 0x20n, endLsn });
  expect(node.server.lines).toEqual([
    `PUT ${TIMELINE}/import_basebackup?base_lsn=0%2F20&end_lsn=0%2F30&pg_version=17`,
    `PUT ${TIMELINE}/import_wal?start_lsn=0%2F20&end_lsn=0%2F30`,
  ]);
  expect(node.server.requests.map(({ body }) => body)).toEqual(["tar", "tar"]);
});

test("positions come as numbers, and one that is not known yet as Lsn.INVALID", async () => {
  await using node = await clientOf(BRANCH);
  expect(await node.client.lastRecordLsn(T, CHILD)).toBe(0x14ec430n);
  expect(await node.client.remoteConsistentLsn(T, CHILD)).toBe(21939248n);
  expect(await node.client.remoteConsistentLsnVisible(T, CHILD)).toBe(Lsn.INVALID);
  expect(await node.client.timelineLsn(T, CHILD, "last_received_msg_lsn")).toBe(Lsn.INVALID);
});

// Status and text as real pageservers answered.
test.each([
  [404, `NotFound: Timeline ${T}/${CHILD} was not found`],
  [406, "invalid branch start lsn: less than latest GC cutoff 0/14EC330: LSN 0/10 is earlier than latest GC cutoff"],
  [409, "Conflict: timeline already exists with different parameters"],
  [412, "Precondition failed: Requested tenant is missing"],
  [500, "Cannot branch off the timeline that's not present in pageserver"],
])("%i keeps its reason", async (status, msg) => {
  await using node = await clientOf({ msg }, status);
  const error = await failureOf(node.client.createTimeline(T, { new_timeline_id: CHILD }));
  expect(error).toMatchObject({ status, reason: msg });
});

test("304 says that a layer was not moved; a bad name is an error", async () => {
  const answers: Record<string, number> = { resident: 304, bad: 400 };
  await using server = await TestServer.listen(({ line }) => ({
    status: answers[line.split("/").at(-1) ?? ""] ?? 200,
  }));
  const client = new PageserverClient("pageserver_1", server.url);
  expect(await client.evictLayer(T, TL, "there")).toBe(true);
  expect(await client.downloadLayer(T, TL, "resident")).toBe(false);
  expect(await failureOf(client.evictLayer(T, TL, "bad"))).toMatchObject({ status: 400 });
});

test("all layers are evicted and downloaded by where they are", async () => {
  const layer = (layer_file_name: string, remote: boolean) => ({ kind: "Image", layer_file_name, remote });
  const historic_layers = [layer("here", false), layer("there", true), layer("busy", false)];
  await using server = await TestServer.listen(({ line }) => {
    if (line.endsWith("/layer")) return { body: { in_memory_layers: [], historic_layers } };
    return { status: line.endsWith("/busy") ? 304 : 200 };
  });
  const client = new PageserverClient("pageserver_1", server.url);
  expect(await client.evictAllLayers(T, TL)).toBe(1);
  expect(await client.downloadAllLayers(T, TL)).toBe(1);
  expect(server.lines.filter((line) => !line.endsWith("/layer"))).toEqual([
    `DELETE ${TIMELINE}/layer/here`,
    `DELETE ${TIMELINE}/layer/busy`,
    `GET ${TIMELINE}/layer/there`,
  ]);
});

test.each([
  [200, true],
  [202, false],
])("a secondary download that answered %i is done: %s", async (status, done) => {
  const progress = { heatmap_mtime: null, layers_downloaded: 1, layers_total: 2, bytes_downloaded: 3, bytes_total: 4 };
  await using node = await clientOf(progress, status);
  expect(await node.client.downloadSecondary(T)).toEqual({ done, progress });
});

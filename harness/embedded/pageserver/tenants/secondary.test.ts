import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TenantId, TimelineId } from "../../../types";
import { pollUntil } from "../../../wait";
import { TestPageserver } from "../testing/test-pageserver";

const server = new TestPageserver();
const [tenantId, timelineId] = [TenantId.generate(), TimelineId.generate()];
const tenantPath = `/v1/tenant/${tenantId}`;
const timelineDir = join(server.dir, "tenants", tenantId, "timelines", timelineId);
const layerFiles = () =>
  existsSync(timelineDir) ? readdirSync(timelineDir).filter((name) => name.includes("__")) : [];

beforeAll(async () => {
  await server.prepare();
  await server.start();
  await server.attach(tenantId);
  await server.createTimeline(tenantId, timelineId);
});
afterAll(() => server.cleanUp());

const locate = async (body: object) => {
  const { status, text } = await server.http("PUT", `${tenantPath}/location_config`, { tenant_conf: {}, ...body });
  expect(status, text).toBe(200);
};
const secondary = () => locate({ mode: "Secondary", secondary_conf: { warm: true } });

test("layers leave this disk and come back, as asked", async () => {
  const list = async () => {
    const { json } = await server.http("GET", `${tenantPath}/timeline/${timelineId}/layer`);
    return (json as { historic_layers: { layer_file_name: string; remote: boolean }[] }).historic_layers;
  };
  const [layer] = await list();
  const path = `${tenantPath}/timeline/${timelineId}/layer/${layer?.layer_file_name}`;
  expect((await server.http("GET", path)).status).toBe(304);
  expect((await server.http("DELETE", path)).status).toBe(200);
  expect((await server.http("DELETE", path)).status).toBe(304);
  expect(layerFiles()).toEqual([]);
  expect(await list()).toMatchObject([{ remote: true }]);
  expect((await server.http("GET", path)).status).toBe(200);
  expect(layerFiles()).toHaveLength(1);

  const unknown = path.replace("__0", "__F");
  expect(await server.http("DELETE", unknown)).toMatchObject({
    status: 400,
    text: expect.stringContaining("not found"),
  });
  expect((await server.http("GET", `${tenantPath}/timeline/${timelineId}/layer/nonsense`)).status).toBe(400);

  await server.http("DELETE", path);
  const downloads = `${tenantPath}/timeline/${timelineId}/download_remote_layers`;
  expect((await server.http("GET", downloads)).status).toBe(404);
  const begun = await server.http("POST", downloads, { max_concurrent_downloads: 2 });
  expect(begun).toMatchObject({ status: 202, json: { state: "Running", total_layer_count: 1 } });
  const isDone = async () => ((await server.http("GET", downloads)).json as { state: string }).state === "Completed";
  await pollUntil("the download", isDone, { budgetMs: 5000 });
  expect((await server.http("GET", downloads)).json).toMatchObject({ successful_download_count: 1 });
  expect(layerFiles()).toHaveLength(1);
});

test("a secondary has what the heatmap names, and only that; its attachment reads those files", async () => {
  expect((await server.http("GET", `${tenantPath}/secondary/status`)).status).toBe(404);
  expect((await server.http("POST", `${tenantPath}/heatmap_upload`)).status).toBe(200);
  const heatmap = JSON.parse(readFileSync(join(server.remoteDir, "tenants", tenantId, "heatmap-v1.json"), "utf8")) as {
    timelines: { layers: unknown[] }[];
  };
  expect(heatmap).toMatchObject({ generation: 1, upload_period_ms: null, timelines: [{ timeline_id: timelineId }] });
  expect(heatmap.timelines[0]?.layers).toMatchObject([{ metadata: { generation: 1 } }]);

  await locate({ mode: "Detached" });
  expect(layerFiles()).toEqual([]);
  await secondary();
  const done = await server.http("POST", `${tenantPath}/secondary/download`);
  expect(done).toMatchObject({ status: 200, json: { layers_downloaded: 1, layers_total: 1 } });
  const { bytes_total: total, bytes_downloaded: came } = done.json as Record<string, number>;
  expect([came, (total ?? 0) > 1e6]).toEqual([total, true]);
  expect(layerFiles()).toHaveLength(1);
  expect((await server.http("GET", `${tenantPath}/secondary/status`)).json).toEqual(done.json);

  writeFileSync(join(timelineDir, "left-behind"), "");
  rmSync(join(timelineDir, layerFiles()[0] ?? ""));
  await server.http("POST", `${tenantPath}/secondary/download`);
  expect(readdirSync(timelineDir)).toEqual(layerFiles());
  expect(layerFiles()).toHaveLength(1);

  await locate({ mode: "AttachedSingle", generation: server.storageController.nextGeneration(tenantId) });
  const { json } = await server.http("GET", `${tenantPath}/timeline/${timelineId}/layer`);
  expect(json).toMatchObject({ historic_layers: [{ remote: false }] });
});

test("a download that takes longer than wait_ms is answered with 202 and goes on", async () => {
  await server.http("POST", `${tenantPath}/heatmap_upload`);
  await locate({ mode: "Detached" });
  await server.http("PUT", "/v1/failpoints", [{ name: "secondary-layer-download-pausable", actions: "pause" }]);
  await secondary();
  const early = await server.http("POST", `${tenantPath}/secondary/download?wait_ms=50`);
  expect(early).toMatchObject({ status: 202, json: { layers_downloaded: 0, layers_total: 1 } });
  await server.http("PUT", "/v1/failpoints", [{ name: "secondary-layer-download-pausable", actions: "off" }]);
  expect((await server.http("POST", `${tenantPath}/secondary/download`)).status).toBe(200);
  await server.stop("SIGTERM");
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TenantId } from "../../types";
import { createLogger } from "../service";
import { callers, TestKeys } from "../service/testing/tokens";
import { startStorageController, type StorageController } from "./server";

const keys = new TestKeys();
const [tenant, other] = [TenantId.generate(), TenantId.generate()];
let repoDir: string;
let controller: StorageController;

beforeAll(async () => {
  repoDir = await mkdtemp(join(tmpdir(), "storcon-auth-"));
  controller = await startStorageController(
    { host: "127.0.0.1", port: 0 },
    {
      log: createLogger(() => undefined),
      repoDir,
      heartbeatIntervalMs: 1000,
      maxOfflineIntervalMs: 1000,
      maxWarmingUpIntervalMs: 1000,
      addressForPeers: "http://127.0.0.1:1/",
      jwtToken: undefined,
      computeHookUrl: undefined,
      controlPlaneToken: undefined,
      startAsCandidate: false,
      peerToken: undefined,
      longReconcileThresholdMs: 60_000,
      maxSecondaryLagBytes: 0,
      publicKey: keys.publicPem,
    },
  );
});
afterAll(async () => {
  await controller.close();
  await rm(repoDir, { recursive: true });
});

async function statuses(method: string, path: string, body: unknown): Promise<number[]> {
  const results: number[] = [];
  for (const [, token] of callers(keys, tenant, other)) {
    const response = await fetch(`http://127.0.0.1:${controller.port}/${path}`, {
      method,
      headers: { connection: "close", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    results.push(response.status);
    await response.arrayBuffer();
  }
  return results;
}

// Rows of golden/run/87_auth_matrix.txt; where the recorded answer was 200, here no tenant is known: "ok" is no 401 or 403.
test.each<[string, string, string, unknown?]>([
  ["GET", "status", "ok ok ok ok ok ok ok ok ok ok ok ok"],
  ["GET", "ready", "ok ok ok ok ok ok ok ok ok ok ok ok"],
  ["GET", "metrics", "ok ok ok ok ok ok ok ok ok ok ok ok"],
  ["GET", "control/v1/node", "401 403 403 403 403 403 403 403 ok ok 403 403"],
  ["GET", "debug/v1/tenant", "401 403 403 403 403 403 403 403 ok 403 403 403"],
  ["GET", `debug/v1/tenant/${tenant}/locate`, "401 403 403 403 403 403 403 403 ok 403 403 403"],
  ["POST", "debug/v1/inspect", "401 403 403 403 403 403 403 403 ok 403 403 403", { tenant_shard_id: tenant }],
  ["POST", "upcall/v1/validate", "401 403 403 403 403 403 403 ok ok 403 403 403", { tenants: [] }],
  ["GET", `control/v1/tenant/${tenant}`, "401 403 403 403 403 403 403 403 ok 403 ok 403"],
  ["GET", "control/v1/tenant", "401 403 403 403 403 403 403 403 ok 403 403 403"],
  ["GET", `v1/tenant/${tenant}`, "401 403 403 403 403 ok 403 403 ok 403 403 403"],
  ["GET", "control/v1/leader", "401 403 403 403 403 403 403 403 ok 403 403 403"],
  ["GET", "control/v1/safekeeper", "401 403 403 403 403 403 403 403 ok ok 403 403"],
  ["GET", "control/v1/metadata_health/unhealthy", "401 403 403 403 403 403 403 403 ok 403 403 403"],
  ["POST", "debug/v1/consistency_check", "401 403 403 403 403 403 403 403 ok 403 403 403"],
  ["PUT", "debug/v1/failpoints", "401 403 403 ok ok ok ok ok ok ok ok ok", []],
])("%s %s", async (method, path, expected, body) => {
  const seen = (await statuses(method, path, body)).map((status) => ([401, 403].includes(status) ? status : "ok"));
  expect(seen.join(" ")).toBe(expected);
});

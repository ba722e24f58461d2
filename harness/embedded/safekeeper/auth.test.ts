import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../testing";
import { PgConnection } from "../../wire";
import { callers, TestKeys } from "../service/testing/tokens";
import { newId, SafekeeperDirectories, SafekeeperProcess } from "./testing/safekeeper-process";

const directories = new SafekeeperDirectories();
const keys = new TestKeys();
const [id, other] = [newId(), newId()];
let safekeeper: SafekeeperProcess;
let tenantOnlyPort: number;

beforeAll(async () => {
  const key = keys.writePublicKey(join(directories.root, "key.pem"));
  tenantOnlyPort = await freePort();
  const flags = [
    ...["--pg-auth-public-key-path", key, "--pg-tenant-only-auth-public-key-path", key],
    ...["--http-auth-public-key-path", key, "--listen-pg-tenant-only", `127.0.0.1:${tenantOnlyPort}`],
  ];
  safekeeper = await SafekeeperProcess.start(directories, { flags });
  const body = { tenant_id: id.tenantId, timeline_id: id.timelineId, pg_version: 170000, start_lsn: "0/1500000" };
  expect((await create(keys.token("tenant", other.tenantId), body)).status).toBe(403);
  expect((await create(keys.token("tenant", id.tenantId), body)).status).toBe(200);
});
afterAll(async () => {
  await safekeeper[Symbol.asyncDispose]();
  directories[Symbol.dispose]();
});

const create = (token: string, body: unknown) => request("POST", "/v1/tenant/timeline", token, body);

function request(method: string, path: string, token: string | undefined, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  return fetch(`http://127.0.0.1:${safekeeper.httpPort}${path}`, { method, headers, ...init });
}

describe("HTTP (golden/run/87_auth_matrix.txt)", () => {
  test.each<[string, string, string, unknown?]>([
    ["GET", "/v1/status", "200 200 200 200 200 200 200 200 200 200 200 200"],
    ["GET", "/metrics", "200 200 200 200 200 200 200 200 200 200 200 200"],
    ["GET", "/v1/tenant/timeline", "401 403 403 403 403 403 200 403 403 403 403 403"],
    ["GET", `/v1/tenant/${id.tenantId}/timeline/${id.timelineId}`, "401 403 403 200 403 403 200 403 403 403 403 403"],
    ["PUT", "/v1/failpoints", "401 403 403 403 403 403 200 403 403 403 403 403", []],
    ["GET", "/v1/debug_dump?dump_all=false", "401 403 403 403 403 403 200 403 403 403 403 403"],
  ])("%s %s", async (method, path, expected, body) => {
    const statuses: number[] = [];
    for (const [, token] of callers(keys, id.tenantId, other.tenantId)) {
      const response = await request(method, path, token, body);
      statuses.push(response.status);
      await response.arrayBuffer();
    }
    expect(statuses.join(" ")).toBe(expected);
  });
});

describe("libpq (golden/run/88_pg_auth.txt)", () => {
  const query = async (port: number, password: string): Promise<number> => {
    const options = `-c timeline_id=${id.timelineId} tenant_id=${id.tenantId}`;
    const connection = await PgConnection.connect({ host: "127.0.0.1", port, password, parameters: { options } });
    try {
      return (await connection.query("TIMELINE_STATUS")).rows.length;
    } catch (error) {
      throw new Error("at the query", { cause: error });
    } finally {
      connection.destroy();
    }
  };
  const tokens = {
    tenant: keys.token("tenant", id.tenantId),
    otherTenant: keys.token("tenant", other.tenantId),
    safekeeperdata: keys.token("safekeeperdata"),
    pageserverapi: keys.token("pageserverapi"),
    garbage: "garbage",
  };

  test("the main port takes any token at login, and serves the tenant's and safekeeperdata", async () => {
    const port = safekeeper.pgPort;
    expect(await query(port, tokens.tenant)).toBe(1);
    expect(await query(port, tokens.safekeeperdata)).toBe(1);
    await expect(query(port, tokens.otherTenant)).rejects.toThrow("at the query");
    await expect(query(port, tokens.pageserverapi)).rejects.toThrow("at the query");
    await expect(query(port, tokens.garbage)).rejects.toThrow("JWT authentication error");
  });

  test("the tenant-only port lets nobody in but tenants", async () => {
    expect(await query(tenantOnlyPort, tokens.tenant)).toBe(1);
    await expect(query(tenantOnlyPort, tokens.otherTenant)).rejects.toThrow("at the query");
    for (const token of [tokens.safekeeperdata, tokens.pageserverapi, tokens.garbage]) {
      await expect(query(tenantOnlyPort, token)).rejects.toThrow("JWT authentication error");
    }
  });
});

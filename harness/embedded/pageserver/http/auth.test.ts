import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { giveToNodes } from "../../../testing";
import { TenantId, TimelineId } from "../../../types";
import { PgConnection } from "../../../wire";
import { callers, TestKeys } from "../../service/testing/tokens";
import { TestPageserver } from "../testing/test-pageserver";

const server = new TestPageserver();
const keys = new TestKeys();
const [tenant, other, timeline] = [TenantId.generate(), TenantId.generate(), TimelineId.generate()];

beforeAll(async () => {
  const key = keys.writePublicKey(join(server.root, "key.pem"));
  giveToNodes(key);
  await server.prepare(
    `http_auth_type = 'NeonJWT'\npg_auth_type = 'NeonJWT'\nauth_validation_public_key_path = '../key.pem'`,
  );
  await server.start();
  server.token = keys.token("pageserverapi");
  await server.attach(tenant);
  await server.createTimeline(tenant, timeline);
});
afterAll(() => server.cleanUp());

/** Rows of golden/run/87_auth_matrix.txt: none, garbage, badsig, tenant, other tenant, then the scopes of services. */
const MATRIX: [string, string, string, unknown?][] = [
  ["GET v1/status", "/v1/status", "200 200 200 200 200 200 200 200 200 200 200 200"],
  ["GET metrics", "/metrics", "200 200 200 200 200 200 200 200 200 200 200 200"],
  ["GET v1/tenant", "/v1/tenant", "401 403 403 403 403 200 403 403 403 403 403 403"],
  ["GET v1/tenant/T", `/v1/tenant/${tenant}`, "401 403 403 200 403 200 403 403 403 403 403 403"],
  ["GET timelines", `/v1/tenant/${tenant}/timeline`, "401 403 403 200 403 200 403 403 403 403 403 403"],
  ["GET config", `/v1/tenant/${tenant}/config`, "401 403 403 200 403 200 403 403 403 403 403 403"],
  ["PUT failpoints", "/v1/failpoints", "401 403 403 200 200 200 200 200 200 200 200 200", []],
  [
    "PUT checkpoint",
    `/v1/tenant/${tenant}/timeline/${timeline}/checkpoint`,
    "401 403 403 200 403 200 403 403 403 403 403 403",
    {},
  ],
  ["GET location_config", "/v1/location_config", "401 403 403 200 200 200 200 200 200 200 200 200"],
  ["GET utilization", "/v1/utilization", "401 403 403 403 403 200 403 403 403 403 403 403"],
  ["PUT deletion_queue/flush", "/v1/deletion_queue/flush", "401 403 403 200 200 200 200 200 200 200 200 200", {}],
  ["GET nope", "/v1/nope", "401 403 403 404 404 404 404 404 404 404 404 404"],
];

describe("HTTP", () => {
  test.each(MATRIX)("%s", async (row, path, expected, body) => {
    const method = row.split(" ")[0] ?? "";
    const statuses: number[] = [];
    for (const [, token] of callers(keys, tenant, other)) {
      statuses.push((await server.http(method, path, body, token ?? null)).status);
    }
    expect(statuses.join(" ")).toBe(expected);
  });

  test("a configuration belongs to the tenant that its body names", async () => {
    const put = (token: string) => server.http("PUT", "/v1/tenant/config", { tenant_id: tenant }, token);
    expect((await put(keys.token("tenant", other))).status).toBe(403);
    expect((await put(keys.token("tenant", tenant))).status).toBe(200);
  });

  test("says no more than Neon does", async () => {
    expect((await server.http("GET", "/v1/tenant", undefined, null)).json).toEqual({
      msg: "Unauthorized: missing authorization header",
    });
    expect((await server.http("GET", "/v1/tenant", undefined, "garbage")).json).toEqual({
      msg: "Forbidden: JWT authentication error",
    });
  });
});

describe("libpq", () => {
  const connect = (password?: string) =>
    PgConnection.connect({ host: "127.0.0.1", port: server.pgPort, ...(password === undefined ? {} : { password }) });
  const lease = `lease lsn ${tenant} ${timeline} FF/0`;

  test("a token is asked for, and a bad one refused at login", async () => {
    await expect(connect()).rejects.toThrow("password");
    await expect(connect("garbage")).rejects.toThrow("JWT authentication error");
  });

  test("the tenant's token and pageserverapi are good for its timelines", async () => {
    for (const token of [keys.token("tenant", tenant), keys.token("pageserverapi")]) {
      const connection = await connect(token);
      expect((await connection.query(lease)).rows).toHaveLength(1);
      expect([...connection.serverParameters.keys()]).toEqual(["client_encoding"]);
      connection.destroy();
    }
  });

  test.each(["lease lsn", "pagestream_v2", "basebackup", "fullbackup", "stockbackup"])(
    "%s is refused",
    async (command) => {
      for (const token of [keys.token("tenant", other), keys.token("safekeeperdata"), keys.token("admin")]) {
        const connection = await connect(token);
        const rest = command === "lease lsn" ? " FF/0" : "";
        await expect(connection.query(`${command} ${tenant} ${timeline}${rest}`)).rejects.toThrow(
          "JWT authentication error",
        );
        // The connection stays usable.
        expect((await connection.query("set x to y")).tag).toBe("SELECT 1");
        connection.destroy();
      }
    },
  );
});

test("keys are read again on request", async () => {
  const next = new TestKeys();
  next.writePublicKey(join(server.root, "key.pem"));
  const reload = () => server.http("POST", "/v1/reload_auth_validation_keys", {});
  expect((await reload()).status).toBe(200);
  expect((await reload()).status).toBe(403);
  server.token = next.token("pageserverapi");
  expect((await server.http("GET", "/v1/tenant")).status).toBe(200);
});

import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "../fixtures";
import type { Safekeeper } from "../fixtures";

test("a pageserver's configuration can be changed between two starts", async ({ neonSimpleEnv: env }) => {
  const client = env.pageserver.httpClient();
  expect(existsSync(join(env.pageserver.tenantDir(env.initialTenant), "config-v1"))).toBe(true);
  env.pageserver.editConfigToml((config) => {
    config["tenant_config"] = { gc_horizon: 54321 };
  });
  expect((await client.tenantConfig(env.initialTenant)).effective_config.gc_horizon).not.toBe(54321);
  await env.pageserver.restart();
  expect((await client.tenantConfig(env.initialTenant)).effective_config.gc_horizon).toBe(54321);
});

test("a safekeeper has the WAL of a timeline in segments", async ({ neonSimpleEnv: env }) => {
  const [safekeeper] = env.safekeepers as [Safekeeper];
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  const before = safekeeper.listSegments(env.initialTenant, env.initialTimeline);
  expect(before.at(-1)).toMatch(/^0{7}1[0-9A-F]{16}\.partial$/);
  await endpoint.sql`select pg_switch_wal()`;
  await endpoint.sql`insert into t values (1)`;
  const after = safekeeper.listSegments(env.initialTenant, env.initialTimeline);
  expect(after.length).toBe(before.length + 1);
  expect(after).toContain(before.at(-1)?.replace(".partial", ""));
});

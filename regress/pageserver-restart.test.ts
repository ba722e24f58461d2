import { expect, test } from "../fixtures";

test("a pageserver that was killed gets back what it had not flushed", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 10000) as i`;
  await env.pageserver.kill9();
  await env.pageserver.start();
  await endpoint.sql`insert into t values (0)`;
  await endpoint.stop();
  await endpoint.start();
  expect(await endpoint.sql`select count(*)::int as n, min(i) from t`).toEqual([{ n: 10001, min: 0 }]);
});

test("a pageserver goes on after a clean restart, from its own files", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 10000) as i`;
  await endpoint.stop();
  await env.pageserver.restart();
  const timeline = await env.pageserver.httpClient().timelineDetail(env.initialTenant, env.initialTimeline);
  expect(timeline.state).toBe("Active");
  await endpoint.start();
  expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 10000 }]);
});

test("every re-attach gives the pageserver a higher generation", async ({ neonSimpleEnv: env }) => {
  const client = env.pageserver.httpClient();
  const before = (await client.tenant(env.initialTenant)).generation;
  await env.pageserver.restart();
  expect((await client.tenant(env.initialTenant)).generation).toBeGreaterThan(before);
});

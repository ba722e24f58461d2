import { expect, requires, test } from "../fixtures";
import type { NeonEnvBuilder } from "../fixtures";

async function withTable(builder: NeonEnvBuilder) {
  const env = await builder.initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 5000) as i`;
  await env.waitForLastFlushLsn(endpoint);
  await env.createBranch("child");
  return env;
}

// The second one finds what the first one, or an earlier run, has left.
test.for([1, 2])("an environment begins with what a snapshot has: time %i", async (_time, { neonEnvBuilder }) => {
  const env = await neonEnvBuilder.buildAndUseSnapshot("a table and a branch", withTable);
  await env.start();
  const main = await env.endpoints.createStart("main");
  expect(await main.sql`select count(*)::int as n from t`).toEqual([{ n: 5000 }]);
  await main.sql`delete from t`;
  const child = await env.endpoints.createStart("child");
  expect(await child.sql`select count(*)::int as n from t`).toEqual([{ n: 5000 }]);
  await env.pageserver.restart();
  expect(await main.sql`select count(*)::int as n from t`).toEqual([{ n: 0 }]);
});

test("an environment that starts from a template is as good as a new one", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ fromTemplate: true }).initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
  await endpoint.stop();
  await endpoint.start();
  expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 1000 }]);
  const { tenantId } = await env.createTenant();
  const other = await env.endpoints.createStart("main", { tenantId });
  expect(await other.sql`select to_regclass('t') as t`).toEqual([{ t: null }]);
});

test("a snapshot has the objects of a bucket, too", requires("s3"), async ({ neonEnvBuilder }) => {
  const bucket = neonEnvBuilder.with({ pageserverRemoteStorage: "mock_s3" });
  const env = await bucket.buildAndUseSnapshot("a table in a bucket", withTable);
  await env.start();
  expect(env.pageserverRemoteStorage.kind).toBe("mock_s3");
  await env.pageserverRemoteStorage.assertPrefixNotEmpty(
    env.pageserverRemoteStorage.timelinePath(env.initialTenant, env.initialTimeline),
  );
  const child = await env.endpoints.createStart("child");
  expect(await child.sql`select count(*)::int as n from t`).toEqual([{ n: 5000 }]);
});

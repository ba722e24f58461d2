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

test("a tenant is the same whether its files are copied or made", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ timelinesFromTemplate: false }).initStart();
  const facts = async (fromTemplate: boolean): Promise<object> => {
    const { tenantId, timelineId } = await env.createTenant({ fromTemplate });
    const client = env.pageserver.httpClient();
    const { last_record_lsn, initdb_lsn, disk_consistent_lsn, pg_version } = await client.timelineDetail(
      tenantId,
      timelineId,
    );
    const layers = (await client.layerMap(tenantId, timelineId)).historic_layers;
    const files = layers.map(({ layer_file_name: name, remote }) => ({ name, remote }));
    const objects = await env.pageserverRemoteStorage.list(
      env.pageserverRemoteStorage.timelinePath(tenantId, timelineId),
    );
    const names = objects.map(({ key }) => key.split("/").at(-1));
    return { last_record_lsn, initdb_lsn, disk_consistent_lsn, pg_version, files, names };
  };
  const made = await facts(false);
  // The first one may have to make the template.
  await env.createTenant({ fromTemplate: true });
  expect(await facts(true)).toEqual(made);

  const { tenantId } = await env.createTenant({ fromTemplate: true });
  const endpoint = await env.endpoints.createStart("main", { tenantId });
  await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
  await endpoint.stop();
  await env.pageserver.restart();
  await endpoint.start();
  expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 1000 }]);
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

import { availableRemoteStorages, describe, expect, requires, test } from "../../fixtures";
import { loseDisk } from "./lose-disk";

describe.each(availableRemoteStorages())("%s", (kind) => {
  // covers: test_remote_storage.py::test_remote_storage_backup_and_restore
  test(
    "a pageserver that lost its disk gets every acknowledged row back",
    requires("testing"),
    async ({ neonEnvBuilder }) => {
      const env = await neonEnvBuilder.enablePageserverRemoteStorage(kind).initStart();
      const endpoint = await env.endpoints.createStart("main");
      await endpoint.sql`create table t as select generate_series(1, 20000) as i`;
      await env.waitForUpload(endpoint);
      await endpoint.sql`insert into t values (-1)`;
      await env.waitForUpload(endpoint);
      // Acknowledged by the safekeepers, and not in remote storage.
      await endpoint.sql`insert into t values (-2)`;
      await endpoint.stop({ immediate: true });
      await loseDisk(env);
      await endpoint.start();
      expect(await endpoint.sql`select count(*)::int as n, min(i) from t`).toEqual([{ n: 20002, min: -2 }]);
    },
  );

  test("branches come back with their ancestor", requires("testing"), async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.enablePageserverRemoteStorage(kind).initStart();
    const main = await env.endpoints.createStart("main");
    await main.sql`create table t as select 'main' as origin`;
    await env.waitForUpload(main);
    await env.createBranch("branch");
    const branch = await env.endpoints.createStart("branch");
    await branch.sql`insert into t values ('branch')`;
    await env.waitForUpload(branch);
    await Promise.all([main.stop(), branch.stop()]);
    await loseDisk(env);
    for (const [endpoint, n] of [
      [main, 1],
      [branch, 2],
    ] as const) {
      await endpoint.start();
      expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n }]);
    }
  });

  test(
    "what the index names is there, and each generation has written its own",
    requires("testing"),
    async ({ neonEnvBuilder }) => {
      const env = await neonEnvBuilder.enablePageserverRemoteStorage(kind).initStart();
      const { pageserverRemoteStorage: storage, initialTenant: tenant, initialTimeline: timeline } = env;
      const endpoint = await env.endpoints.createStart("main");
      await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
      await env.waitForUpload(endpoint);
      await env.pageserver.restart();
      await endpoint.sql`insert into t values (0)`;
      await env.waitForUpload(endpoint);
      const generations = (await storage.indexGenerations(tenant, timeline)).map(({ generation }) => generation);
      expect(generations).toContain((await env.pageserver.httpClient().tenant(tenant)).generation);
      const there = new Set((await storage.list(storage.timelinePath(tenant, timeline))).map(({ key }) => key));
      const named = await storage.layerKeys(tenant, timeline);
      expect(named.length).toBeGreaterThan(1);
      expect(named.filter((key) => !there.has(key))).toEqual([]);
    },
  );

  // covers: test_timeline_delete.py::test_timeline_delete_works_for_remote_smoke
  test(
    "deleting a timeline and then the tenant leaves nothing of them, and all of their neighbours",
    requires("testing"),
    async ({ neonEnvBuilder }) => {
      const env = await neonEnvBuilder.enablePageserverRemoteStorage(kind).initStart();
      const { pageserverRemoteStorage: storage, initialTenant: tenant, initialTimeline: timeline } = env;
      const other = await env.createTenant();
      const branch = await env.createBranch("branch");
      const controller = env.storageController.httpClient();
      await storage.assertPrefixNotEmpty(storage.timelinePath(tenant, branch));
      await controller.deleteTimeline(tenant, branch);
      await storage.assertPrefixEmpty(storage.timelinePath(tenant, branch));
      await storage.assertPrefixNotEmpty(storage.timelinePath(tenant, timeline));
      await controller.deleteTenant(tenant);
      await storage.assertPrefixEmpty(storage.tenantPath(tenant));
      await storage.indexPart(other.tenantId, other.timelineId);
    },
  );
});

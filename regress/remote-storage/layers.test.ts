import { availableRemoteStorages, describe, expect, requires, test } from "../../fixtures";

describe.each(availableRemoteStorages())("%s", (kind) => {
  // covers: test_layer_eviction.py::test_basic_eviction
  test(
    "layers that are evicted come back when somebody needs them",
    requires("testing"),
    async ({ neonEnvBuilder }) => {
      const env = await neonEnvBuilder.enablePageserverRemoteStorage(kind).initStart();
      const { initialTenant: tenant, initialTimeline: timeline } = env;
      const client = env.pageserver.httpClient();
      const endpoint = await env.endpoints.createStart("main");
      await endpoint.sql`create table t as select generate_series(1, 20000) as i`;
      await env.waitForUpload(endpoint);
      await endpoint.stop();
      const isRemote = async () =>
        (await client.layerMap(tenant, timeline)).historic_layers.map(({ remote }) => remote);
      expect(await isRemote()).not.toContain(true);
      const evicted = await client.evictAllLayers(tenant, timeline);
      expect(evicted).toBeGreaterThan(0);
      expect(await isRemote()).not.toContain(false);
      await endpoint.start();
      expect(await endpoint.sql`select sum(i)::int from t`).toEqual([{ sum: 200010000 }]);
      expect(await isRemote()).toContain(false);
      await client.downloadAllLayers(tenant, timeline);
      expect(await isRemote()).not.toContain(true);
    },
  );

  // covers: test_timeline_archive.py::test_timeline_offload_persist
  test(
    "a timeline that is archived and offloaded comes back as it was",
    requires("testing"),
    async ({ neonEnvBuilder }) => {
      const env = await neonEnvBuilder.enablePageserverRemoteStorage(kind).initStart();
      const { pageserverRemoteStorage: storage, initialTenant: tenant } = env;
      const client = env.pageserver.httpClient();
      const branchId = await env.createBranch("branch");
      const endpoint = await env.endpoints.createStart("branch");
      await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
      await env.waitForUpload(endpoint);
      await endpoint.stop();
      await client.setArchivalState(tenant, branchId, "Archived");
      expect((await storage.indexPart(tenant, branchId)).archived_at).toBeTruthy();
      await client.offloadTimeline(tenant, branchId);
      expect((await storage.tenantManifest(tenant))?.offloaded_timelines.map(({ timeline_id: id }) => id)).toEqual([
        branchId,
      ]);
      await expect(client.timelineDetail(tenant, branchId)).rejects.toMatchObject({ code: "HTTP_ERROR" });
      await storage.assertPrefixNotEmpty(storage.timelinePath(tenant, branchId));
      await client.setArchivalState(tenant, branchId, "Unarchived");
      expect((await storage.tenantManifest(tenant))?.offloaded_timelines).toEqual([]);
      await endpoint.start();
      expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 1000 }]);
    },
  );

  test(
    "what initdb made is kept with the timeline, and preserved on request",
    requires("real"),
    async ({ neonEnvBuilder }) => {
      const env = await neonEnvBuilder.enablePageserverRemoteStorage(kind).initStart();
      const { pageserverRemoteStorage: storage, initialTenant: tenant, initialTimeline: timeline } = env;
      const path = storage.timelinePath(tenant, timeline);
      const original = await storage.read(`${path}initdb.tar.zst`);
      await env.pageserver.httpClient().preserveInitdbArchive(tenant, timeline);
      expect((await storage.read(`${path}initdb-preserved.tar.zst`)).equals(original)).toBe(true);
    },
  );

  test("a scrub finds a layer that somebody deleted", requires("testing"), async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ scrubOnExit: false }).enablePageserverRemoteStorage(kind).initStart();
    const { pageserverRemoteStorage: storage, initialTenant: tenant, initialTimeline: timeline } = env;
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
    await env.waitForUpload(endpoint);
    expect((await env.scrubRemoteStorage()).layers).toBeGreaterThan(1);
    const [layer = ""] = await storage.layerKeys(tenant, timeline);
    await storage.delete([layer]);
    await expect(env.scrubRemoteStorage()).rejects.toThrow(layer);
  });
});

import { availableRemoteStorages, describe, expect, requires, test } from "../../fixtures";
import { rolesOf } from "./roles";

describe.each(availableRemoteStorages())("%s", (kind) => {
  // covers: test_pageserver_generations.py::test_multi_attach
  test(
    "a pageserver that was replaced without knowing overwrites nothing of its successor's, and promises nothing",
    requires("testing"),
    async ({ neonEnvBuilder }) => {
      const env = await neonEnvBuilder.with({ numPageservers: 2 }).enablePageserverRemoteStorage(kind).initStart();
      const { pageserverRemoteStorage: storage, initialTenant: tenant, initialTimeline: timeline } = env;
      const { attached: old, other: successor } = await rolesOf(env, tenant);
      env.storageController.allowedErrors.push(/Scheduling is disabled by policy Stop/);
      old.allowedErrors.push(/Dropped remote consistent LSN updates/, /Dropping stale deletions/);
      const endpoint = await env.endpoints.createStart("main");
      await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
      await env.waitForUpload(endpoint, { pageserver: old });

      // The successor gets the next generation; nobody tells the old one, the storage controller neither.
      await env.storageController.httpClient().setTenantPolicy(tenant, { scheduling: "Stop" });
      await successor.tenantAttach(tenant);
      await endpoint.sql`insert into t select generate_series(1001, 2000)`;
      await env.waitForUpload(endpoint, { pageserver: successor });
      const [ours, theirs] = await Promise.all(
        [successor, old].map(async (each) => (await each.httpClient().tenant(tenant)).generation),
      );
      expect(ours).toBeGreaterThan(theirs ?? 0);
      const index = storage.indexKey(tenant, timeline, ours ?? 0);
      const before = await storage.read(index);
      const promised = await old.httpClient().remoteConsistentLsnVisible(tenant, timeline);

      await env.waitForLastFlushLsn(endpoint, { pageserver: old });
      await old.httpClient().checkpoint(tenant, timeline, { waitUntilUploaded: true });
      await old.httpClient().flushDeletionQueue({ execute: true });
      expect((await storage.read(index)).equals(before)).toBe(true);
      expect(await old.httpClient().remoteConsistentLsnVisible(tenant, timeline)).toBe(promised);

      // What the successor lost on disk it finds in storage, its own and not the old one's.
      await old.kill9();
      await endpoint.stop();
      await successor.restart();
      await endpoint.start({ pageserverId: successor.id });
      expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 2000 }]);
    },
  );

  // covers: test_pageserver_generations.py::test_deferred_deletion
  test(
    "what is not needed any more is deleted only when the storage controller confirms the generation",
    requires("testing"),
    async ({ neonEnvBuilder }) => {
      const env = await neonEnvBuilder
        .with({
          // Compaction only when the test asks for it, and then of any two layers.
          initialTenantConfig: { compaction_period: "0s", gc_period: "0s", compaction_threshold: 2 },
        })
        .enablePageserverRemoteStorage(kind)
        .initStart();
      const { pageserverRemoteStorage: storage, initialTenant: tenant, initialTimeline: timeline } = env;
      const client = env.pageserver.httpClient();
      env.pageserver.allowedErrors.push(
        /calling control plane generation validation API failed/,
        // The flush below that waits for the storage controller is given up.
        /request was dropped before completing|Cancelled request finished with an error: ShuttingDown/,
      );
      const endpoint = await env.endpoints.createStart("main");
      await endpoint.sql`create table t (i int)`;
      for (const n of [1, 2, 3]) {
        await endpoint.sql`insert into t select generate_series(1, 1000 * ${n}::int)`;
        await env.waitForLastFlushLsn(endpoint);
        await client.checkpoint(tenant, timeline, { compact: false, waitUntilUploaded: true });
      }
      const before = await storage.layerKeys(tenant, timeline);

      await env.storageController.stop();
      await client.compact(tenant, timeline, { forceL0Compaction: true, waitUntilUploaded: true });
      const after = new Set(await storage.layerKeys(tenant, timeline));
      const unneeded = before.filter((key) => !after.has(key));
      expect(unneeded.length).toBeGreaterThan(0);
      const flushed = client.flushDeletionQueue({ execute: true }, { timeoutMs: 2_000 });
      await Promise.allSettled([flushed]);
      const there = async () => {
        const keys = new Set((await storage.list(storage.timelinePath(tenant, timeline))).map(({ key }) => key));
        return unneeded.filter((key) => keys.has(key));
      };
      expect(await there()).toEqual(unneeded);

      await env.storageController.start();
      await client.flushDeletionQueue({ execute: true });
      await expect.poll(there, { timeout: 20_000 }).toEqual([]);
      await endpoint.stop();
      await endpoint.start();
      expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 6000 }]);
    },
  );
});

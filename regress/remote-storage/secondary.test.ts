import { availableRemoteStorages, describe, expect, requires, test } from "../../fixtures";
import { rolesOf } from "./roles";

describe.each(availableRemoteStorages())("%s", (kind) => {
  // covers: test_pageserver_secondary.py::test_secondary_downloads
  test(
    "a secondary that is warm takes over when the attached pageserver is lost",
    requires("testing", "secondaries"),
    async ({ neonEnvBuilder }) => {
      const env = await neonEnvBuilder
        .with({ numPageservers: 2, createInitialTenant: false })
        .enablePageserverRemoteStorage(kind)
        .initStart();
      const { tenantId, timelineId } = await env.createTenant({ placementPolicy: { Attached: 1 } });
      env.storageController.allowedErrors.push(
        /Call to node .* management API .*(failed|giving up)/,
        /Reconcile error/,
      );
      const { attached, other: secondary } = await rolesOf(env, tenantId);
      const endpoint = await env.endpoints.createStart("main", { tenantId });
      await endpoint.sql`create table t as select generate_series(1, 20000) as i`;
      await env.waitForUpload(endpoint, { pageserver: attached });
      await attached.httpClient().uploadHeatmap(tenantId);
      const heatmap = await env.pageserverRemoteStorage.heatmap(tenantId);
      expect(heatmap.timelines.map(({ timeline_id: id }) => id)).toEqual([timelineId]);
      const { done, progress } = await secondary.httpClient().downloadSecondary(tenantId, { waitMs: 20_000 });
      expect([done, progress.layers_downloaded]).toEqual([true, heatmap.timelines[0]?.layers.length]);
      expect(progress.layers_total).toBeGreaterThan(1);

      await endpoint.sql`insert into t values (0)`;
      await attached.kill9();
      const controller = env.storageController.httpClient();
      const nodeAttached = async () => (await controller.describeTenant(tenantId)).shards[0]?.node_attached;
      await expect.poll(nodeAttached, { timeout: 60_000 }).toBe(secondary.id);
      await endpoint.stop();
      await endpoint.start();
      expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 20001 }]);
    },
  );
});

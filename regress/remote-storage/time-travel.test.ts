import { availableS3Storages, describe, expect, requires, test } from "../../fixtures";

/** S3 keeps whole seconds: what comes after this is in another one. */
async function nextSecond(): Promise<Date> {
  const second = Math.floor(Date.now() / 1000) * 1000 + 1000;
  await expect.poll(() => Date.now(), { interval: 50, timeout: 5_000 }).toBeGreaterThan(second);
  return new Date();
}

describe.each(availableS3Storages())("%s", (kind) => {
  // covers: test_s3_restore.py::test_tenant_s3_restore
  test(
    "a tenant whose objects were all deleted travels back to the time before",
    requires("testing"),
    async ({ neonEnvBuilder }) => {
      const env = await neonEnvBuilder.enablePageserverRemoteStorage(kind).initConfigs();
      await env.pageserverRemoteStorage.enableVersioning();
      await neonEnvBuilder.initStart();
      const { pageserverRemoteStorage: storage, initialTenant: tenant } = env;
      const endpoint = await env.endpoints.createStart("main");
      await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
      await env.waitForUpload(endpoint);
      await endpoint.stop();
      await env.pageserver.tenantDetach(tenant);
      const objects = (await storage.list(storage.tenantPath(tenant))).map(({ key }) => key);

      const travelTo = await nextSecond();
      await nextSecond();
      await storage.deletePrefix(storage.tenantPath(tenant));
      await storage.assertPrefixEmpty(storage.tenantPath(tenant));
      const doneIfAfter = await nextSecond();
      await env.pageserver.httpClient().timeTravelRemoteStorage(tenant, { travelTo, doneIfAfter });

      const timelines = objects.filter((key) => key.includes("/timelines/"));
      expect((await storage.list(storage.tenantPath(tenant))).map(({ key }) => key)).toEqual(timelines);
      await env.pageserver.tenantAttach(tenant);
      await endpoint.start();
      expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 1000 }]);
    },
  );

  test("travelling needs versions, and a tenant that is attached nowhere", async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.enablePageserverRemoteStorage(kind).initStart();
    env.pageserver.allowedErrors.push(/internal error|time travel recovery/, /Error processing HTTP request/);
    const client = env.pageserver.httpClient();
    const times = { travelTo: new Date(), doneIfAfter: new Date() };
    const travel = () => client.timeTravelRemoteStorage(env.initialTenant, times, { timeoutMs: 60_000 });
    await expect(travel()).rejects.toThrow("is already attached at this pageserver");
    await env.pageserver.tenantDetach(env.initialTenant);
    const { pageserverRemoteStorage: storage } = env;
    const before = await storage.list(storage.tenantPath(env.initialTenant));
    expect(before.length).toBeGreaterThan(0);
    await expect(travel()).rejects.toThrow(/ 500 /);
    expect(await storage.list(storage.tenantPath(env.initialTenant))).toEqual(before);
  });
});

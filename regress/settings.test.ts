import { expect, test } from "../fixtures";

test("what a builder is told reaches the nodes", async ({ neonEnvBuilder, pgVersion }) => {
  const env = await neonEnvBuilder
    .with({
      pgVersion,
      numPageservers: 2,
      numSafekeepers: 2,
      safekeepersIdStart: 10,
      safekeepersEnableFsync: true,
      pageserverConfigOverride: { tenant_config: { gc_horizon: 12345 } },
      storageControllerConfig: { maxOffline: "7s" },
      initialTenantConfig: { gc_period: "0s" },
    })
    .initStart();
  expect(env.safekeepers.map((sk) => sk.id)).toEqual([11, 12]);
  const nodes = await env.storageController.httpClient().listNodes();
  expect(new Set(nodes.map((node) => node.id))).toEqual(new Set([1, 2]));

  const { shards } = await env.storageController.httpClient().locate(env.initialTenant);
  const home = env.pageservers.find((ps) => ps.id === shards[0]?.node_id);
  const config = await home?.httpClient().tenantConfig(env.initialTenant);
  expect(config?.tenant_specific_overrides).toMatchObject({ gc_period: "0s" });
  expect(config?.effective_config).toMatchObject({ gc_horizon: 12345, gc_period: "0s" });

  const endpoint = await env.endpoints.createStart("main", { configLines: ["work_mem = '9MB'"] });
  expect(await endpoint.sql`show work_mem`).toEqual([{ work_mem: "9MB" }]);
});

import { expect, requires, TenantId, test } from "../fixtures";

// covers: test_storage_controller.py::test_storage_controller_leadership_transfer
test(
  "a storage controller takes over from another, and the proxy follows",
  requires("controller_peers"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder
      .with({ authEnabled: true, storageControllerProxy: true, storageControllerConfig: { startAsCandidate: true } })
      .initStart();
    const [first] = env.storageControllers;
    expect((await env.storageController.httpClient().leader())?.address).toBe(`${first?.ownUrl}/`);
    const tenantId = TenantId.generate();
    await env.storageController.httpClient().createTenant({ tenantId });

    const second = await env.newStorageController();
    await second.start();
    env.storageControllerProxy.routeTo(second.ownUrl);
    const client = env.storageController.httpClient();
    expect((await client.leader())?.address).toBe(`${second.ownUrl}/`);
    expect((await client.describeTenant(tenantId)).tenant_id).toBe(tenantId);
    expect(await first?.httpClient({ direct: true }).leadershipStatus()).toBe("stepped_down");
    expect(await second.httpClient({ direct: true }).leadershipStatus()).toBe("leader");

    await first?.stop();
    await client.checkConsistency();
    const endpoint = await env.endpoints.createStart("main");
    expect(await endpoint.sql`select 1 as one`).toEqual([{ one: 1 }]);
  },
);

test(
  "a storage controller that has stepped down passes on what it is asked",
  requires("controller_peers", "controller_forwarding"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder
      .with({ storageControllerProxy: true, storageControllerConfig: { startAsCandidate: true } })
      .initStart();
    const second = await env.newStorageController();
    await second.start();
    env.storageControllerProxy.routeTo(second.ownUrl);
    await env.storageController.httpClient({ direct: true }).configureNode(env.pageserver.id, { scheduling: "Pause" });
    expect((await second.httpClient({ direct: true }).node(env.pageserver.id)).scheduling).toBe("Pause");
  },
);

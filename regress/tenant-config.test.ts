import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, TenantId, test } from "../fixtures";

/** Every setting of a tenant, each unlike its default. */
const ALL_SETTINGS = {
  checkpoint_distance: 10_000,
  checkpoint_timeout: "13m",
  compaction_target_size: 1_048_576,
  compaction_period: "1h",
  compaction_threshold: 13,
  compaction_algorithm: { kind: "tiered" },
  gc_horizon: 24_117_248,
  gc_period: "2h 13m",
  image_creation_threshold: 7,
  pitr_interval: "1m",
  walreceiver_connect_timeout: "13m",
  lagging_wal_timeout: "23m",
  max_lsn_wal_lag: 230_000,
  eviction_policy: { kind: "LayerAccessThreshold", period: "20s", threshold: "23h" },
  min_resident_size_override: 23,
  evictions_low_residence_duration_metric_threshold: "2days",
  heatmap_period: "10m",
  lazy_slru_download: true,
  timeline_get_throttle: {
    ...{ task_kinds: ["PageRequestHandler"], initial: 0, refill_interval: "1s", refill_amount: 1000, max: 1000 },
  },
  image_layer_creation_check_threshold: 1,
  lsn_lease_length: "1m",
  lsn_lease_length_for_ts: "5s",
  timeline_offloading: true,
  wal_receiver_protocol_override: {
    type: "interpreted",
    args: { format: "bincode", compression: { zstd: { level: 1 } } },
  },
};

const BAD_REQUEST = /Error processing HTTP request: Bad request/;

/** Without the settings that are null, which is how the storage controller writes those that are not set. */
const given = (config: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));

// covers: test_attach_tenant_config.py::test_null_body, test_attach_tenant_config.py::test_null_config
test("a location of null, or with settings of null, is refused and logged", async ({ neonSimpleEnv: env }) => {
  env.pageserver.allowedErrors.push(BAD_REQUEST);
  const { http } = env.pageserver.httpClient();
  const tenantId = TenantId.generate();
  for (const body of [null, { mode: "AttachedSingle", generation: 1, tenant_conf: null }]) {
    const from = env.pageserver.logCursor();
    const put = http.send(`/v1/tenant/${tenantId}/location_config`, { method: "PUT", body });
    await expect(put).rejects.toMatchObject({ status: 400 });
    await env.pageserver.assertLogContains(BAD_REQUEST, { from });
  }
  expect((await env.pageserver.httpClient().listTenants()).map(({ id }) => id)).toEqual([env.initialTenant]);
});

// covers: test_attach_tenant_config.py::test_empty_config
test("a tenant attached without settings has the pageserver's own, as before", async ({ neonSimpleEnv: env }) => {
  const client = env.pageserver.httpClient();
  const before = await client.tenantConfig(env.initialTenant);
  expect(given(before.tenant_specific_overrides)).toEqual({});
  await env.pageserver.tenantDetach(env.initialTenant);
  expect(await client.listTenants()).toEqual([]);
  await env.pageserver.tenantAttach(env.initialTenant, {});
  expect(await client.tenantConfig(env.initialTenant)).toEqual(before);
});

// covers: test_attach_tenant_config.py::test_fully_custom_config
test("every setting of a tenant can be set, and overrules its default", async ({ neonSimpleEnv: env }) => {
  const client = env.storageController.httpClient().asPageserver;
  const before = (await client.tenantConfig(env.initialTenant)).effective_config;
  expect(Object.keys(before).sort()).toEqual(Object.keys(ALL_SETTINGS).sort());
  await client.setTenantConfig(env.initialTenant, ALL_SETTINGS);
  const { tenant_specific_overrides: own, effective_config: effective } = await client.tenantConfig(env.initialTenant);
  expect(own).toEqual(ALL_SETTINGS);
  const same = Object.entries(before).filter(
    ([key, value]) => JSON.stringify(effective[key as keyof typeof effective]) === JSON.stringify(value),
  );
  expect(same).toEqual([]);

  await env.pageserver.tenantDetach(env.initialTenant);
  await env.pageserver.tenantAttach(env.initialTenant, ALL_SETTINGS);
  const after = await env.pageserver.httpClient().tenantConfig(env.initialTenant);
  expect(after).toEqual({ tenant_specific_overrides: ALL_SETTINGS, effective_config: ALL_SETTINGS });
});

// covers: test_tenant_conf.py::test_tenant_config
test("a tenant's settings overrule the pageserver's, and both hold after a restart", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder
    .with({ pageserverConfigOverride: { tenant_config: { checkpoint_distance: 10_000, compaction_period: "0s" } } })
    .initStart();
  const client = env.pageserver.httpClient();
  const { tenantId } = await env.createTenant({ config: { checkpoint_distance: 20_000, gc_period: "30sec" } });
  const check = async (own: object): Promise<void> => {
    const theirs = await client.tenantConfig(env.initialTenant);
    expect(given(theirs.tenant_specific_overrides)).toEqual({});
    expect(theirs.effective_config).toMatchObject({
      checkpoint_distance: 10_000,
      compaction_period: "0s",
      gc_period: "1h",
    });
    const ours = await client.tenantConfig(tenantId);
    expect(given(ours.tenant_specific_overrides)).toEqual(own);
    expect(ours.effective_config).toMatchObject({ ...theirs.effective_config, ...own });
  };
  await check({ checkpoint_distance: 20_000, gc_period: "30s" });
  // What is not given goes back to the pageserver's own.
  await env.storageController.httpClient().setTenantConfig(tenantId, { checkpoint_distance: 15_000 });
  await check({ checkpoint_distance: 15_000 });
  await env.pageserver.restart();
  await check({ checkpoint_distance: 15_000 });
});

// covers: test_tenant_conf.py::test_tenant_config
test("a setting that doesn't exist is refused by name, and nothing is made", async ({ neonSimpleEnv: env }) => {
  env.storageController.allowedErrors.push(/unknown field/);
  const controller = env.storageController.httpClient();
  const tenantId = TenantId.generate();
  const creation = controller.createTenant({ tenantId, config: { gc_horizont: 1 } });
  await expect(creation).rejects.toThrow(/gc_horizont/);
  await expect(controller.describeTenant(tenantId)).rejects.toMatchObject({ status: 404 });
  const change = controller.setTenantConfig(env.initialTenant, { gc_horizont: 1 });
  await expect(change).rejects.toThrow(/gc_horizont/);
});

// covers: test_tenant_conf.py::test_tenant_config_patch
test.for(["storage controller", "pageserver"])(
  "a patch of the %s changes what it names, and null takes away",
  async (by, { neonSimpleEnv: env }) => {
    const controller = env.storageController.httpClient();
    // What the controller doesn't know of, it would set back.
    if (by === "pageserver") {
      env.storageController.allowedErrors.push(/Scheduling is disabled by policy Stop/);
      await controller.setTenantPolicy(env.initialTenant, { scheduling: "Stop" });
    }
    const client = by === "pageserver" ? env.pageserver.httpClient() : controller.asPageserver;
    const own = async (): Promise<unknown[]> => {
      const answers = [client, env.pageserver.httpClient()].map((each) => each.tenantConfig(env.initialTenant));
      return (await Promise.all(answers)).map((answer) => given(answer.tenant_specific_overrides));
    };
    const override = ALL_SETTINGS.wal_receiver_protocol_override;
    const steps: [object, object][] = [
      [
        { gc_period: "3h", wal_receiver_protocol_override: override },
        { gc_period: "3h", wal_receiver_protocol_override: override },
      ],
      [{ gc_period: "5h", wal_receiver_protocol_override: null }, { gc_period: "5h" }],
      [{ gc_horizon: 77 }, { gc_period: "5h", gc_horizon: 77 }],
    ];
    for (const [patch, expected] of steps) {
      await client.patchTenantConfig(env.initialTenant, patch as Record<string, unknown>);
      expect(await own()).toEqual([expected, expected]);
    }
    await client.setTenantConfig(env.initialTenant, { pitr_interval: "1m 1s" });
    expect(await own()).toEqual([{ pitr_interval: "1m 1s" }, { pitr_interval: "1m 1s" }]);
  },
);

// covers: test_tenant_conf.py::test_creating_tenant_conf_after_attach
test("the settings that a tenant is attached with stand in a file, and can be changed", async ({
  neonSimpleEnv: env,
}) => {
  const client = env.pageserver.httpClient();
  const file = join(env.pageserver.tenantDir(env.initialTenant), "config-v1");
  await env.pageserver.tenantDetach(env.initialTenant);
  expect(() => readFileSync(file)).toThrow(/ENOENT/);
  await env.pageserver.tenantAttach(env.initialTenant, { gc_horizon: 1_000_000 });
  expect(readFileSync(file, "utf8")).toMatch(/gc_horizon = 1_?000_?000/);
  await client.patchTenantConfig(env.initialTenant, { gc_horizon: 2_000_000 });
  expect(readFileSync(file, "utf8")).toMatch(/gc_horizon = 2_?000_?000/);
  const { effective_config: effective } = await client.tenantConfig(env.initialTenant);
  expect(effective.gc_horizon).toBe(2_000_000);
});

/** As of a time when the throttle could be fair, which is not looked at any more. */
const WITH_FAIR = {
  task_kinds: ["PageRequestHandler"],
  fair: true,
  initial: 0,
  refill_interval: "1s",
  refill_amount: 1000,
  max: 1000,
};

// covers: test_pageserver_getpage_throttle.py::test_throttle_fair_config_is_settable_but_ignored_in_mgmt_api
test("a throttle that is fair can be set, and its fairness is forgotten", async ({ neonSimpleEnv: env }) => {
  const client = env.storageController.httpClient().asPageserver;
  await client.setTenantConfig(env.initialTenant, { timeline_get_throttle: WITH_FAIR });
  const { fair: _forgotten, ...expected } = WITH_FAIR;
  const config = await client.tenantConfig(env.initialTenant);
  expect(config.effective_config.timeline_get_throttle).toEqual(expected);
  expect(config.tenant_specific_overrides.timeline_get_throttle).toEqual(expected);
});

// covers: test_pageserver_getpage_throttle.py::test_throttle_fair_config_is_settable_but_ignored_in_config_toml
test("a throttle in pageserver.toml may be fair, and its fairness is forgotten", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder
    .with({ pageserverConfigOverride: { tenant_config: { timeline_get_throttle: WITH_FAIR } } })
    .initStart();
  const { effective_config: effective } = await env.pageserver.httpClient().tenantConfig(env.initialTenant);
  const { fair: _forgotten, ...expected } = WITH_FAIR;
  expect(effective.timeline_get_throttle).toEqual(expected);
});

// covers: test_storage_controller.py::test_storage_controller_tenant_conf
test("the storage controller passes settings on, and to the next pageserver, too", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numPageservers: 2 }).initStart();
  const controller = env.storageController.httpClient();
  await controller.setTenantConfig(env.initialTenant, { pitr_interval: "1m 7s" });
  const [{ shard, pageserver } = { shard: undefined, pageserver: undefined }] = await env.tenantShards(
    env.initialTenant,
  );
  const target = env.pageservers.find((each) => each !== pageserver);
  if (shard === undefined || target === undefined)
    throw new Error("the tenant is nowhere, or there is no other pageserver");
  for (const client of [pageserver.httpClient(), controller.asPageserver]) {
    const answer = await client.tenantConfig(env.initialTenant);
    expect([answer.effective_config.pitr_interval, given(answer.tenant_specific_overrides)]).toEqual([
      "1m 7s",
      { pitr_interval: "1m 7s" },
    ]);
  }
  await controller.migrateShard(shard, target.id);
  expect((await target.httpClient().tenantConfig(env.initialTenant)).effective_config.pitr_interval).toBe("1m 7s");
});

import { expect, requires, test } from "../../fixtures";
import type { NeonEnv, Safekeeper } from "../../fixtures";

const OFFLOADS = { safekeepersRemoteStorage: "local_fs" as const };

const pull = (env: NeonEnv, from: readonly Safekeeper[], to: Safekeeper): Promise<{ safekeeper_host: string }> =>
  to.httpClient().pullTimeline({
    tenant_id: env.initialTenant,
    timeline_id: env.initialTimeline,
    http_hosts: from.map(({ settings }) => `http://127.0.0.1:${settings.httpPort}`),
  });

// covers: test_wal_acceptor.py::test_pull_timeline
test.for(["restarted", "reconfigured"])(
  "a timeline is pulled to a new safekeeper, and a compute that is %s uses it",
  async (how, { neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numSafekeepers: 4, authEnabled: true }).initStart();
    const [first, second, third, fourth] = env.safekeepers as [Safekeeper, Safekeeper, Safekeeper, Safekeeper];
    const endpoint = await env.endpoints.createStart("main", { safekeepers: [1, 2, 3] });
    await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
    await second.kill9();
    await endpoint.sql`insert into t values (-1)`;
    await pull(env, [first, third], fourth);
    const end = await first.commitLsn(env.initialTenant, env.initialTimeline);
    expect(await fourth.flushLsn(env.initialTenant, env.initialTimeline)).toBeGreaterThanOrEqual(end);
    await expect(pull(env, [first], fourth)).rejects.toThrow(/already exists/);

    if (how === "restarted") {
      await endpoint.stop();
      await endpoint.start({ safekeepers: [1, 3, 4] });
    } else await endpoint.reconfigure({ safekeepers: [1, 3, 4] });
    await first.kill9();
    await endpoint.sql`insert into t values (-2)`;
    await fourth.restart();
    await endpoint.sql`insert into t values (-3)`;
    expect(await endpoint.sql`select count(*)::int as n, min(i) from t`).toEqual([{ n: 1003, min: -3 }]);
  },
);

// covers: test_wal_acceptor.py::test_pull_timeline_gc
test(
  "a timeline that is pulled while its WAL moves on and is removed arrives whole",
  requires("failpoints"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numSafekeepers: 3, ...OFFLOADS }).initStart();
    const [source, , target] = env.safekeepers as [Safekeeper, Safekeeper, Safekeeper];
    const { initialTenant: tenantId, initialTimeline: timelineId } = env;
    const endpoint = await env.endpoints.createStart("main", { safekeepers: [1, 2] });
    await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
    const before = await source.flushLsn(tenantId, timelineId);
    const first = source.listSegments(tenantId, timelineId)[0]?.replace(".partial", "") ?? "none";
    await source.httpClient().pauseAt("sk-snapshot-after-list-pausable");
    const from = source.logCursor();
    const pulling = pull(env, [source], target);
    await source.assertLogContains(/at failpoint sk-snapshot-after-list-pausable/, { from });
    for (let i = 0; i < 2; i += 1) {
      await endpoint.sql`insert into t values (-1)`;
      await endpoint.sql`select pg_switch_wal()`;
    }
    await endpoint.sql`insert into t values (-2)`;
    await env.waitForUpload(endpoint);
    await source.httpClient().checkpoint(tenantId, timelineId);
    // Nobody needs the first segment any more but who pulls: it is removed when that one has it, and not before.
    const isThere = async (): Promise<boolean> => {
      await source.httpClient().checkpoint(tenantId, timelineId);
      return source.listSegments(tenantId, timelineId).includes(first);
    };
    expect(await isThere()).toBe(true);
    await source.httpClient().clearFailpoints(["sk-snapshot-after-list-pausable"]);
    await pulling;
    await expect.poll(isThere, { timeout: 30_000 }).toBe(false);

    const fromLsn = await source.httpClient().timelineLsn(tenantId, timelineId, "timeline_start_lsn");
    const untilLsn = await target.flushLsn(tenantId, timelineId);
    expect(untilLsn).toBeGreaterThanOrEqual(before);
    const digests = [source, target].map((sk) => sk.httpClient().digest(tenantId, timelineId, { fromLsn, untilLsn }));
    const [one, other] = await Promise.all(digests);
    expect(one).toEqual(other);
  },
);

// covers: test_wal_acceptor.py::test_pull_timeline_term_change
test("a pull fails when the donor's term changes meanwhile", requires("failpoints"), async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3, ...OFFLOADS }).initStart();
  const [source, , target] = env.safekeepers as [Safekeeper, Safekeeper, Safekeeper];
  const endpoint = await env.endpoints.createStart("main", { safekeepers: [1, 2] });
  await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
  await source.httpClient().pauseAt("sk-snapshot-after-list-pausable");
  const from = source.logCursor();
  const pulling = expect(pull(env, [source], target)).rejects.toThrow(/HTTP_STATUS|500/);
  await source.assertLogContains(/at failpoint sk-snapshot-after-list-pausable/, { from });
  await endpoint.restart();
  await endpoint.sql`insert into t values (-1)`;
  await source.httpClient().clearFailpoints(["sk-snapshot-after-list-pausable"]);
  await pulling;
  await source.assertLogContains(/term(\(s\))? changed (during|while)/, { from });
  const there = await target.httpClient().listTimelines();
  expect(there.map(({ timeline_id }) => timeline_id)).not.toContain(env.initialTimeline);
});

// covers: test_wal_acceptor.py::test_pull_timeline_while_evicted
test(
  "a timeline whose WAL left the disk is pulled without coming back to it",
  requires("testing"),
  async ({ neonEnvBuilder }) => {
    const eager = [
      ...["--enable-offload", "--delete-offloaded-wal", "--partial-backup-timeout", "50ms"],
      ...["--control-file-save-interval", "1s", "--eviction-min-resident", "100ms"],
    ];
    const initialTenantConfig = { lagging_wal_timeout: "1s", checkpoint_timeout: "100ms" };
    const env = await neonEnvBuilder
      .with({ numSafekeepers: 4, safekeeperExtraOptions: eager, initialTenantConfig, ...OFFLOADS })
      .initStart();
    const [source, , , target] = env.safekeepers as [Safekeeper, Safekeeper, Safekeeper, Safekeeper];
    const { initialTenant: tenantId, initialTimeline: timelineId } = env;
    const endpoint = await env.endpoints.createStart("main", { safekeepers: [1, 2, 3] });
    await endpoint.sql`create table t as select 1 as i`;
    await endpoint.stop();
    const end = await source.commitLsn(tenantId, timelineId);
    const client = env.pageserver.httpClient();
    await expect
      .poll(() => client.lastRecordLsn(tenantId, timelineId), { timeout: 20_000 })
      .toBeGreaterThanOrEqual(end);
    await client.checkpoint(tenantId, timelineId, { waitUntilUploaded: true });
    await expect
      .poll(() => source.httpClient().timelineLsn(tenantId, timelineId, "remote_consistent_lsn"), {
        timeout: 20_000,
      })
      .toBeGreaterThanOrEqual(end);
    // It would come for more now and then, and so bring the WAL back.
    await env.pageserver.stop();
    const segments = () => source.listSegments(tenantId, timelineId);
    await expect.poll(segments, { timeout: 60_000, message: "the WAL leaves the disk" }).toEqual([]);

    await pull(env, [source], target);
    expect(segments()).toEqual([]);
    expect(target.listSegments(tenantId, timelineId)).toEqual([]);
    const dump = await target.httpClient().debugDump({ controlFile: true, timelineId });
    expect(dump.timelines[0]?.control_file?.eviction_state).toHaveProperty("Offloaded");
    await source.httpClient().deleteTimeline(tenantId, timelineId, { onlyLocal: true });
    await env.pageserver.start();
    await endpoint.start({ safekeepers: [2, 3, 4] });
    await endpoint.sql`insert into t values (2)`;
    expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 2 }]);
  },
);

import { expect, Lsn, requires, test } from "../../fixtures";
import type { Endpoint, NeonEnv, Safekeeper } from "../../fixtures";

const WAIT = { timeout: 30_000 };

/** Begins a new segment, and returns where it begins. */
async function nextSegment(endpoint: Endpoint): Promise<Lsn> {
  await endpoint.sql`select pg_switch_wal()`;
  await endpoint.sql`insert into t values (1)`;
  const lsn = await endpoint.flushLsn();
  return lsn - (lsn % (await endpoint.walSegmentBytes()));
}

const backupLsn = ({ initialTenant, initialTimeline }: NeonEnv, safekeeper: Safekeeper): Promise<Lsn> =>
  safekeeper.httpClient().timelineLsn(initialTenant, initialTimeline, "backup_lsn");

// covers: test_wal_acceptor.py::test_wal_removal
test(
  "WAL that peers and pageserver safely have leaves the disks of all safekeepers, and not before",
  requires("testing"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numSafekeepers: 2 }).initStart();
    const { initialTenant: tenant, initialTimeline: timeline } = env;
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t (i int)`;
    const oldest = (safekeeper: Safekeeper) => safekeeper.listSegments(tenant, timeline)[0]?.replace(".partial", "");
    const first = oldest(env.safekeepers[0] as Safekeeper);
    for (let i = 0; i < 3; i += 1) await nextSegment(endpoint);
    await env.waitForLastFlushLsn(endpoint);
    // The pageserver has it in memory only.
    expect(env.safekeepers.map(oldest)).toEqual([first, first]);
    await env.waitForUpload(endpoint);
    // As if somebody had uploaded all of it.
    const [safekeeper] = env.safekeepers as [Safekeeper];
    await safekeeper.httpClient().recordSafekeeperInfo(tenant, timeline, { backup_lsn: "FFFFFFFF/FEFFFFFF" });
    expect(Lsn.format(await backupLsn(env, safekeeper))).toBe("FFFFFFFF/FEFFFFFF");
    const isThere = async (): Promise<boolean> => {
      await endpoint.sql`insert into t values (2)`;
      return env.safekeepers.map(oldest).includes(first);
    };
    await expect.poll(isThere, WAIT).toBe(false);
  },
);

// covers: test_wal_acceptor.py::test_wal_backup
test("segments are uploaded whichever safekeeper is away, and deleted with the timeline", async ({
  neonEnvBuilder,
}) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).enableSafekeeperRemoteStorage("local_fs").initStart();
  env.pageserver.allowedErrors.push(/Timeline .* was (not found in global map|cancelled)/);
  const { initialTenant: tenant, initialTimeline: timeline, safekeepersRemoteStorage: storage } = env;
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  for (const victim of env.safekeepers) {
    await victim.stop();
    const end = await nextSegment(endpoint);
    const alive = env.safekeepers.find((each) => each !== victim) as Safekeeper;
    await expect.poll(() => backupLsn(env, alive), WAIT).toBeGreaterThanOrEqual(end);
    await victim.start();
  }
  await endpoint.stop();
  await storage.assertPrefixNotEmpty(storage.segmentPath(tenant, timeline));
  for (const safekeeper of env.safekeepers) await safekeeper.httpClient().deleteTimeline(tenant, timeline);
  expect(await storage.list(storage.segmentPath(tenant, timeline))).toEqual([]);
});

// covers: test_wal_acceptor.py::test_backup_partial_reset, test_wal_acceptor.py::test_s3_eviction
test(
  "a timeline that left the disk is counted, its upload is forgotten on request, and it is written to again",
  requires("testing"),
  async ({ neonEnvBuilder }) => {
    const safekeeperExtraOptions = [
      ...["--enable-offload", "--partial-backup-timeout", "1s"],
      ...["--control-file-save-interval", "1s", "--eviction-min-resident=1s"],
    ];
    const env = await neonEnvBuilder
      .with({ safekeeperExtraOptions, initialTenantConfig: { lagging_wal_timeout: "1s" } })
      .enableSafekeeperRemoteStorage("local_fs")
      .initStart();
    const { initialTenant: tenant, initialTimeline: timeline, safekeepersRemoteStorage: storage } = env;
    const safekeeper = env.safekeepers[0] as Safekeeper;
    const client = safekeeper.httpClient();
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t (i int)`;
    await endpoint.stop();
    const end = await safekeeper.commitLsn(tenant, timeline);
    const pageserver = env.pageserver.httpClient();
    await expect.poll(() => pageserver.lastRecordLsn(tenant, timeline), WAIT).toBeGreaterThanOrEqual(end);
    await pageserver.checkpoint(tenant, timeline, { waitUntilUploaded: true });
    const evicted = async () => (await client.metrics()).total("safekeeper_evicted_timelines");
    await expect.poll(evicted, { timeout: 40_000 }).toBe(1);
    const partial = async (): Promise<string[]> =>
      (await storage.list(storage.segmentPath(tenant, timeline)))
        .map(({ key }) => key)
        .filter((key) => key.endsWith(".partial"));
    expect(await partial()).toHaveLength(1);
    await safekeeper.restart();
    await expect.poll(evicted, { timeout: 40_000 }).toBe(1);

    const [forgotten] = await partial();
    expect(await client.resetPartialBackup(tenant, timeline)).toEqual([forgotten?.split("/").at(-1)]);
    // There may be a new one by now.
    expect(await client.resetPartialBackup(tenant, timeline)).toEqual(expect.any(Array));
    await endpoint.start();
    await endpoint.sql`insert into t values (1)`;
    const dump = await client.debugDump({ controlFile: true, timelineId: timeline });
    expect(dump.timelines[0]?.control_file?.eviction_state).toBe("Present");
    expect(await endpoint.sql`select i from t`).toEqual([{ i: 1 }]);
  },
);

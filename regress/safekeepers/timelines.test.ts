import { existsSync } from "node:fs";
import { expect, Lsn, requires, test, TimelineId } from "../../fixtures";
import type { Safekeeper } from "../../fixtures";

/** What pageservers say of timelines that were taken away under them. */
const GONE = [/Timeline .* was not found in global map/, /Timeline .* was cancelled and cannot be used anymore/];

// covers: test_wal_acceptor.py::test_delete_force
test("timelines and tenants are deleted with their files, as often as one likes, and others stay", async ({
  neonSimpleEnv: env,
}) => {
  env.pageserver.allowedErrors.push(...GONE);
  const safekeeper = env.safekeepers[0] as Safekeeper;
  const client = safekeeper.httpClient();
  const { initialTenant: tenant } = env;
  const other = await env.createTenant();
  const write = async (branch: string, tenantId = tenant) => {
    const endpoint = await env.endpoints.createStart(branch, { tenantId });
    await endpoint.sql`create table t (i int)`;
    return endpoint;
  };
  const timelines = await Promise.all(["a", "b"].map((name) => env.createBranch(name)));
  const computes = [await write("main"), await write("a"), await write("b")];
  const survivor = await write("main", other.tenantId);
  for (const compute of computes) await compute.stopAndDestroy();
  await safekeeper.restart();
  const isThere = (timeline: TimelineId) => existsSync(safekeeper.timelineDir(tenant, timeline));
  const [a, b] = timelines as [TimelineId, TimelineId];
  expect([a, b].map(isThere)).toEqual([true, true]);

  expect((await client.deleteTimeline(tenant, a)).dir_existed).toBe(true);
  expect([a, b].map(isThere)).toEqual([false, true]);
  expect((await client.deleteTimeline(tenant, a)).dir_existed).toBe(false);
  expect((await client.deleteTimeline(tenant, TimelineId.generate())).dir_existed).toBe(false);
  const deleted = await client.deleteTenant(tenant);
  expect(deleted[b]?.dir_existed).toBe(true);
  expect([b, env.initialTimeline].map(isThere)).toEqual([false, false]);
  await client.deleteTenant(tenant);
  await survivor.sql`insert into t values (1)`;
  await client.timelineStatus(other.tenantId, other.timelineId);
});

// covers: test_wal_acceptor.py::test_delete_timeline_under_load
test("a timeline can be deleted while a compute writes to it", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ authEnabled: true }).initStart();
  env.pageserver.allowedErrors.push(...GONE, /Timeline/);
  const safekeeper = env.safekeepers[0] as Safekeeper;
  const { initialTenant: tenant, initialTimeline: timeline } = env;
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  await using session = await endpoint.connect();
  let inserts = 0;
  const insert = async (): Promise<void> => {
    for (;;) {
      await session.sql`insert into t select generate_series(1, 1000)`;
      inserts += 1;
    }
  };
  const ended = insert().catch((error: unknown) => error);
  await expect.poll(() => inserts, { timeout: 20_000 }).toBeGreaterThan(5);
  const client = safekeeper.httpClient();
  expect((await client.deleteTimeline(tenant, timeline, { onlyLocal: true })).dir_existed).toBe(true);
  await endpoint.stop({ immediate: true });
  expect(String(await ended)).toMatch(/Connection terminated|terminating connection|ECONNRESET/);
  // The compute may have made it anew meanwhile, as for a new safekeeper.
  await client.deleteTimeline(tenant, timeline, { onlyLocal: true });
  expect(existsSync(safekeeper.timelineDir(tenant, timeline))).toBe(false);
});

// covers: test_wal_acceptor.py::test_timeline_copy
test(
  "a timeline is copied up to any LSN, WAL that left the disk included",
  requires("testing"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.enableSafekeeperRemoteStorage().initStart();
    const { initialTenant: tenant, initialTimeline: timeline } = env;
    const safekeeper = env.safekeepers[0] as Safekeeper;
    const client = safekeeper.httpClient();
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t (i int)`;
    const lsns: Lsn[] = [await endpoint.flushLsn()];
    for (let i = 0; i < 3; i += 1) {
      if (i === 2) await endpoint.sql`select pg_switch_wal()`;
      await endpoint.sql`insert into t select generate_series(1, 5000)`;
      lsns.push(await endpoint.flushLsn());
    }
    const last = lsns.at(-1) ?? 0n;
    const segmentEnd = last - (last % (await endpoint.walSegmentBytes()));
    const backedUp = () => client.timelineLsn(tenant, timeline, "backup_lsn");
    await expect.poll(backedUp, { timeout: 30_000 }).toBeGreaterThanOrEqual(segmentEnd);
    const [first = ""] = safekeeper.listSegments(tenant, timeline);
    await env.waitForUpload(endpoint);
    const leftTheDisk = async (): Promise<boolean> => {
      await client.checkpoint(tenant, timeline);
      return !safekeeper.listSegments(tenant, timeline).includes(first);
    };
    await expect.poll(leftTheDisk, { timeout: 30_000 }).toBe(true);
    const fromLsn = await client.timelineLsn(tenant, timeline, "timeline_start_lsn");
    for (const untilLsn of lsns) {
      const targetTimelineId = TimelineId.generate();
      await client.copyTimeline(tenant, timeline, { targetTimelineId, untilLsn });
      const [original, copy] = await Promise.all(
        [timeline, targetTimelineId].map((each) => client.digest(tenant, each, { fromLsn, untilLsn })),
      );
      expect(copy, Lsn.format(untilLsn)).toEqual(original);
    }
  },
);

// covers: test_wal_acceptor.py::test_patch_control_file
test("a field of the control file is repaired by hand, and stays so over a restart", async ({ neonSimpleEnv: env }) => {
  const { initialTenant: tenant, initialTimeline: timeline } = env;
  const safekeeper = env.safekeepers[0] as Safekeeper;
  const client = safekeeper.httpClient();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  const patch = { updates: { timeline_start_lsn: "0/1" }, apply_fields: ["timeline_start_lsn"] };
  const answer = await client.patchControlFile(tenant, timeline, patch);
  expect(answer.old_control_file.timeline_start_lsn).not.toBe("0/1");
  expect(answer.new_control_file.timeline_start_lsn).toBe("0/1");
  await safekeeper.restart();
  await endpoint.sql`insert into t values (1)`;
  const dump = await client.debugDump({ controlFile: true, timelineId: timeline });
  expect(dump.timelines[0]?.control_file?.timeline_start_lsn).toBe("0/1");
});

// covers: test_wal_acceptor.py::test_membership_api
test("a membership is replaced by newer ones only, and stays over a restart", async ({ neonSimpleEnv: env }) => {
  const tenant = env.initialTenant;
  const timeline = TimelineId.generate();
  const safekeeper = env.safekeepers[0] as Safekeeper;
  const client = safekeeper.httpClient();
  const own = { id: safekeeper.id, host: "localhost", pg_port: safekeeper.settings.pgTenantOnlyPort };
  const foreign = { id: 11, host: "localhost", pg_port: 5434 };
  const first = { generation: 1, members: [own], new_members: null };
  const generations = async (generation: number, members = [own]): Promise<[number, number]> => {
    const next = { generation, members, new_members: generation === 4 ? [foreign] : null };
    const { previous_conf, current_conf } = await client.switchMembership(tenant, timeline, next);
    return [previous_conf.generation, current_conf.generation];
  };
  await expect(generations(1)).rejects.toThrow(/not found/i);
  const newTimeline = { tenant_id: tenant, timeline_id: timeline, mconf: first, pg_version: 150002 };
  await client.createTimeline({ ...newTimeline, start_lsn: "0/1000000" });
  expect(await generations(4)).toEqual([1, 4]);
  await safekeeper.restart();
  expect((await client.timelineStatus(tenant, timeline)).mconf).toMatchObject({
    ...{ generation: 4, members: [own], new_members: [foreign] },
  });
  expect(await generations(5, [foreign])).toEqual([4, 5]);
  expect(await generations(3, [])).toEqual([5, 5]);
});

// covers: test_wal_acceptor.py::test_many_timelines
test("the positions of many timelines agree between safekeepers and pageserver", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const tenant = env.initialTenant;
  for (const name of ["a", "b"]) await env.createBranch(name);
  const computes = await Promise.all(["main", "a", "b"].map((name) => env.endpoints.createStart(name)));
  await Promise.all(computes.map((each) => each.sql`create table t as select generate_series(1, 10000) as i`));
  for (const compute of computes) {
    const { timelineId } = compute.settings;
    const end = await env.waitForLastFlushLsn(compute);
    // The pageserver takes what is committed, and nothing is committed before a majority has it; each only grows meanwhile.
    const atPageserver = await env.pageserver.httpClient().lastRecordLsn(tenant, timelineId);
    const commits = await Promise.all(env.safekeepers.map((sk) => sk.commitLsn(tenant, timelineId)));
    const flushes = await Promise.all(env.safekeepers.map((sk) => sk.flushLsn(tenant, timelineId)));
    expect(atPageserver).toBeGreaterThanOrEqual(end);
    expect(commits.some((lsn) => lsn >= atPageserver)).toBe(true);
    for (const [at, commit] of commits.entries()) {
      expect(commit).toBeLessThanOrEqual(flushes[at] ?? 0n);
      expect(flushes.filter((lsn) => lsn >= commit).length).toBeGreaterThanOrEqual(2);
    }
  }
  await Promise.all(computes.map((each) => each.stop()));
  await env.safekeepers[1]?.restart();
  for (const compute of computes.slice(0, 1)) {
    await compute.start();
    expect(await compute.sql`select count(*)::int as n from t`).toEqual([{ n: 10_000 }]);
  }
});

// covers: test_wal_acceptor_async.py::test_segment_init_failure
test(
  "a segment that could not be made in one go is made in the next",
  requires("failpoints"),
  async ({ neonSimpleEnv: env }) => {
    const safekeeper = env.safekeepers[0] as Safekeeper;
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t (i int)`;
    await safekeeper.httpClient().configureFailpoints([["sk-zero-segment", "return"]]);
    const from = safekeeper.logCursor();
    await endpoint.sql`select pg_switch_wal()`;
    await using session = await endpoint.connect();
    const commit = session.sql`insert into t values (1)`.then(
      () => "committed",
      () => "failed",
    );
    await safekeeper.assertLogContains(/sk-zero-segment failpoint hit/, { from });
    await endpoint.waitForBlockedCommit();
    await endpoint.stop({ immediate: true });
    expect(await commit).toBe("failed");
    await safekeeper.restart();
    await endpoint.start();
    await endpoint.sql`insert into t values (2)`;
    expect(await endpoint.sql`select i from t where i = 2`).toEqual([{ i: 2 }]);
  },
);

import { expect, requires, TenantId, test, TimelineId } from "../../fixtures";
import type { NeonEnvBuilder } from "../../fixtures";

// covers: test_timeline_archive.py::test_timeline_archive
test.for([0, 2])(
  "of %s shards: ancestors are archived after their branches, and come back before them",
  requires("sharding"),
  async (shardCount, { neonEnvBuilder }) => {
    const env = await neonEnvBuilder
      .with({ numPageservers: Math.max(1, shardCount), initialTenantShardCount: shardCount })
      .initStart();
    const client = shardCount === 0 ? env.pageserver.httpClient() : env.storageController.httpClient().asPageserver;
    const { initialTenant: tenant } = env;
    const archive = (timeline: TimelineId, of = tenant) => client.setArchivalState(of, timeline, "Archived");
    const unarchive = (timeline: TimelineId) => client.setArchivalState(tenant, timeline, "Unarchived");
    await expect(archive(TimelineId.generate())).rejects.toMatchObject({ status: 404 });
    await expect(archive(env.initialTimeline, TenantId.generate())).rejects.toMatchObject({ status: 404 });

    const parent = await env.createBranch("parent");
    const leaf = await env.createBranch("leaf", { from: "parent" });
    const isArchived = async () =>
      Promise.all([parent, leaf].map(async (id) => (await client.timelineDetail(tenant, id)).is_archived));
    await expect(archive(parent)).rejects.toMatchObject({
      status: 412,
      reason: expect.stringContaining("non-archived child"),
    });
    expect(await isArchived()).toEqual([false, false]);
    await archive(leaf);
    await archive(parent);
    await archive(parent);
    expect(await isArchived()).toEqual([true, true]);
    await expect(unarchive(leaf)).rejects.toMatchObject({ reason: expect.stringContaining("ancestor is archived") });
    await unarchive(parent);
    expect(await isArchived()).toEqual([false, true]);
    await unarchive(leaf);
    expect(await isArchived()).toEqual([false, false]);
  },
);

// covers: test_timeline_archive.py::test_timeline_offloading
test(
  "an archived timeline is offloaded and comes back, and its ancestor can't go meanwhile",
  requires("testing"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder
      .with({ initialTenantConfig: { gc_period: "0s", compaction_period: "0s" } })
      .initStart();
    const { initialTenant: tenant } = env;
    const client = env.pageserver.httpClient();
    const parent = await env.createBranch("parent");
    const leaf = await env.createBranch("leaf", { from: "parent" });
    const endpoint = await env.endpoints.createStart("leaf");
    await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
    await env.waitForLastFlushLsn(endpoint);
    await endpoint.stop();
    const ids = async () => {
      const { timelines, offloaded } = await client.listTimelinesAndOffloaded(tenant);
      return [timelines, offloaded].map((list) => new Set(list.map((each) => each.timeline_id)));
    };
    expect(await ids()).toEqual([new Set([env.initialTimeline, parent, leaf]), new Set()]);
    for (const timeline of [leaf, parent]) {
      await client.setArchivalState(tenant, timeline, "Archived");
      await client.offloadTimeline(tenant, timeline);
      await expect(client.timelineDetail(tenant, timeline)).rejects.toMatchObject({ status: 404 });
    }
    expect(await ids()).toEqual([new Set([env.initialTimeline]), new Set([parent, leaf])]);
    await expect(client.deleteTimeline(tenant, parent)).rejects.toMatchObject({ status: 412 });
    await expect(client.setArchivalState(tenant, leaf, "Unarchived")).rejects.toThrow(
      /ancestor is (archived|offloaded)/,
    );
    await env.pageserver.restart();
    expect(await ids()).toEqual([new Set([env.initialTimeline]), new Set([parent, leaf])]);
    for (const timeline of [parent, leaf]) await client.setArchivalState(tenant, timeline, "Unarchived");
    expect(await ids()).toEqual([new Set([env.initialTimeline, parent, leaf]), new Set()]);
    await endpoint.start();
    expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 1000 }]);
  },
);

/** An environment whose pageserver does nothing by itself, with branches that are archived and offloaded. */
async function withOffloaded(builder: NeonEnvBuilder, names: readonly string[]) {
  const initialTenantConfig = { gc_period: "0s", compaction_period: "0s" };
  const env = await builder.with({ initialTenantConfig }).initStart();
  const client = env.pageserver.httpClient();
  const branches: TimelineId[] = [];
  for (const name of names) {
    const branch = await env.createBranch(name);
    await client.setArchivalState(env.initialTenant, branch, "Archived");
    await client.offloadTimeline(env.initialTenant, branch);
    branches.push(branch);
  }
  return { env, branches };
}

// covers: test_timeline_archive.py::test_timeline_offload_generations
test(
  "an offloaded timeline can be deleted, and nothing of it is left",
  requires("testing"),
  async ({ neonEnvBuilder }) => {
    const { env, branches } = await withOffloaded(neonEnvBuilder, ["branch"]);
    const [branch] = branches as [TimelineId];
    const { initialTenant: tenant, pageserverRemoteStorage: storage } = env;
    const client = env.pageserver.httpClient();
    // In another generation than that which has offloaded it.
    await env.pageserver.restart();
    await storage.assertPrefixNotEmpty(storage.timelinePath(tenant, branch));
    await client.deleteTimeline(tenant, branch);
    await expect.poll(() => storage.list(storage.timelinePath(tenant, branch)), { timeout: 10_000 }).toEqual([]);
    await env.pageserver.restart();
    const { timelines, offloaded } = await client.listTimelinesAndOffloaded(tenant);
    expect(timelines.map((each) => each.timeline_id)).toEqual([env.initialTimeline]);
    expect(offloaded).toEqual([]);
  },
);

test(
  "of an offloaded timeline whose deletion breaks off before its last step, nothing is left after a restart",
  requires("testing"),
  async ({ neonEnvBuilder }) => {
    const { env, branches } = await withOffloaded(neonEnvBuilder, ["deleted", "kept"]);
    const [deleted, kept] = branches as [TimelineId, TimelineId];
    const { initialTenant: tenant, pageserverRemoteStorage: storage } = env;
    const client = env.pageserver.httpClient();
    const offloaded = async () =>
      (await client.listTimelinesAndOffloaded(tenant)).offloaded.map((each) => each.timeline_id);
    // All objects are gone then, but the tenant's manifest still names the timeline.
    await client.pauseAt("before-upload-manifest-pausable");
    const from = env.pageserver.logCursor();
    const deletion = client.deleteTimeline(tenant, deleted).catch(() => undefined);
    await env.pageserver.assertLogContains(/at failpoint before-upload-manifest-pausable/, { from });
    expect(await storage.list(storage.timelinePath(tenant, deleted))).toEqual([]);
    await env.pageserver.stop({ immediate: true });
    await deletion;
    await env.pageserver.start();
    expect(await offloaded()).toEqual([kept]);
    await expect(client.setArchivalState(tenant, deleted, "Unarchived")).rejects.toMatchObject({ status: 404 });
    // The manifest doesn't name it any more: another generation finds the same.
    await env.pageserver.restart();
    expect(await offloaded()).toEqual([kept]);
    await client.setArchivalState(tenant, kept, "Unarchived");
    expect(await offloaded()).toEqual([]);
  },
);

// covers: test_timeline_archive.py::test_timeline_retain_lsn
test.for(["archived", "offloaded"])(
  "the rows of an %s branch survive garbage collection of its ancestor",
  requires("testing"),
  async (how, { neonEnvBuilder }) => {
    const env = await neonEnvBuilder
      .with({
        initialTenantConfig: {
          ...{ checkpoint_distance: 32_768, compaction_threshold: 1, compaction_target_size: 32_768, gc_horizon: 0 },
          ...{ image_creation_threshold: 1, gc_period: "0s", compaction_period: "0s", pitr_interval: "0s" },
          lsn_lease_length: "0s",
        },
      })
      .initStart();
    const { initialTenant: tenant, initialTimeline: main } = env;
    const client = env.pageserver.httpClient();
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select i, 0 as round from generate_series(1, 500) as i`;
    await env.waitForUpload(endpoint);
    const branch = await env.createBranch("branch");
    for (const round of [1, 2, 3]) {
      await endpoint.sql`update t set round = ${round}::int`;
      await env.waitForUpload(endpoint);
    }
    await endpoint.stop();
    await client.setArchivalState(tenant, branch, "Archived");
    if (how === "offloaded") await client.offloadTimeline(tenant, branch);
    await env.pageserver.restart();
    const before = (await client.timelineDetail(tenant, main)).latest_gc_cutoff_lsn;
    await client.collectGarbage(tenant, main, { gcHorizon: 0 });
    await client.compact(tenant, main, { forceL0Compaction: true, forceImageLayerCreation: true });
    await client.collectGarbage(tenant, main, { gcHorizon: 0 });
    expect((await client.timelineDetail(tenant, main)).latest_gc_cutoff_lsn).not.toBe(before);
    await client.setArchivalState(tenant, branch, "Unarchived");
    const past = await env.endpoints.createStart("branch");
    expect(await past.sql`select count(*)::int as n, sum(round)::int as rounds from t`).toEqual([
      { n: 500, rounds: 0 },
    ]);
  },
);

import { expect, requires, test } from "../../fixtures";
import type { NeonEnv, TimelineId } from "../../fixtures";

/** Lines that every detach may cause, for the tenant's clients have to come again. */
const INTERRUPTED = [
  /initial size calculation failed: PageRead\(MissingKey\(/,
  /Timed out waiting for shutdown|marking .* as stopping|timeline shut ?down/,
  /request was dropped before completing/,
  /no ancestors/,
  /query handler for .* failed/,
  /cancelled/i,
];

async function ancestorsOf(env: NeonEnv, timelines: readonly TimelineId[]): Promise<(TimelineId | null)[]> {
  const client = env.pageserver.httpClient();
  return Promise.all(
    timelines.map(async (id) => (await client.timelineDetail(env.initialTenant, id)).ancestor_timeline_id),
  );
}

async function rowsOn(env: NeonEnv, branch: string): Promise<unknown> {
  const endpoint = await env.endpoints.createStart(branch);
  const [row] = await endpoint.sql`select count(*)::int as n from t`;
  await endpoint.stop();
  return row?.["n"];
}

// covers: test_timeline_detach_ancestor.py::test_ancestor_detach_branched_from
test.for(["at a layer's end", "in the middle of a layer"])(
  "a branch made %s needs its ancestor no more",
  requires("testing"),
  async (where, { neonSimpleEnv: env }) => {
    env.pageserver.allowedErrors.push(...INTERRUPTED);
    const client = env.pageserver.httpClient();
    const { initialTenant: tenant, initialTimeline: main } = env;
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select generate_series(1, 800) as i`;
    const lsn =
      where === "at a layer's end" ? await env.waitForUpload(endpoint) : await env.waitForLastFlushLsn(endpoint);
    await endpoint.sql`insert into t select generate_series(801, 1000)`;
    await env.waitForUpload(endpoint);
    await endpoint.stop();
    const branch = await env.createBranch("branch", { lsn });
    expect((await client.detachAncestor(tenant, branch)).reparented_timelines).toEqual([]);
    await env.pageserver.waitForTenants();
    expect(await ancestorsOf(env, [branch, main])).toEqual([null, null]);
    expect([await rowsOn(env, "branch"), await rowsOn(env, "main")]).toEqual([800, 1000]);
    const lineage = (await env.pageserverRemoteStorage.indexPart(tenant, branch)).lineage;
    expect(lineage?.original_ancestor?.[0]).toBe(main);
    await client.deleteTimeline(tenant, main);
    await env.pageserver.restart();
    expect(await rowsOn(env, "branch")).toBe(800);
  },
);

// covers: test_timeline_detach_ancestor.py::test_ancestor_detach_reparents_earlier
test(
  "earlier branches of the ancestor go with the one that is detached, later ones stay",
  requires("testing"),
  async ({ neonSimpleEnv: env }) => {
    env.pageserver.allowedErrors.push(...INTERRUPTED);
    const client = env.pageserver.httpClient();
    const { initialTenant: tenant, initialTimeline: main } = env;
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t (i int)`;
    const early = await env.waitForLastFlushLsn(endpoint);
    await endpoint.sql`insert into t select generate_series(1, 800)`;
    const lsn = await env.waitForUpload(endpoint);
    await endpoint.sql`insert into t select generate_series(801, 1000)`;
    await env.waitForLastFlushLsn(endpoint);
    await endpoint.stop();
    const before = await env.createBranch("before", { lsn: early });
    const same = await env.createBranch("same", { lsn });
    const detached = await env.createBranch("detached", { lsn });
    const after = await env.createBranch("after");
    const { reparented_timelines: moved } = await client.detachAncestor(tenant, detached);
    expect(new Set(moved)).toEqual(new Set([before, same]));
    await env.pageserver.waitForTenants();
    expect(await ancestorsOf(env, [main, before, same, detached, after])).toEqual([
      null,
      detached,
      detached,
      null,
      main,
    ]);
    const history = await Promise.all(
      [before, same, detached, after].map(
        async (id) => (await env.pageserverRemoteStorage.indexPart(tenant, id)).lineage?.reparenting_history ?? [],
      ),
    );
    expect(history).toEqual([[main], [main], [], []]);
    const rows: unknown[] = [];
    for (const branch of ["main", "before", "same", "detached", "after"]) rows.push(await rowsOn(env, branch));
    expect(rows).toEqual([1000, 0, 800, 800, 1000]);
    // Nothing that went away needs what stays behind.
    for (const id of [after, main]) {
      await client.deleteTimeline(tenant, id);
      const status = () =>
        client.timelineDetail(tenant, id).then(
          () => 200,
          (error: { status?: number }) => error.status,
        );
      await expect.poll(status, { timeout: 10_000 }).toBe(404);
    }
  },
);

// covers: test_timeline_detach_ancestor.py::test_timeline_ancestor_detach_idempotent_success
test("to detach again gives the same answer, after a restart, too", async ({ neonSimpleEnv: env }) => {
  env.pageserver.allowedErrors.push(...INTERRUPTED);
  const client = env.pageserver.httpClient();
  const sibling = await env.createBranch("sibling");
  const branch = await env.createBranch("branch");
  const answer = async () => (await client.detachAncestor(env.initialTenant, branch)).reparented_timelines;
  expect(await answer()).toEqual([sibling]);
  await env.pageserver.waitForTenants();
  expect(await answer()).toEqual([sibling]);
  await env.pageserver.restart();
  expect(await answer()).toEqual([sibling]);
  await client.deleteTimeline(env.initialTenant, sibling);
  await expect.poll(answer, { timeout: 10_000 }).toEqual([]);
});

// covers: test_timeline_detach_ancestor.py::test_timeline_ancestor_detach_errors
test.for([1, 2])(
  "what can't be detached is refused with the reason, %s pageserver(s)",
  requires("sharding", "testing"),
  async (pageservers, { neonEnvBuilder }) => {
    const env = await neonEnvBuilder
      .with({
        ...{ numPageservers: pageservers, initialTenantShardCount: pageservers === 1 ? 0 : pageservers },
        initialTenantConfig: { gc_period: "0s" },
      })
      .initStart();
    for (const pageserver of env.pageservers) pageserver.allowedErrors.push(...INTERRUPTED);
    const controller = env.storageController.httpClient().asPageserver;
    const client = pageservers === 1 ? env.pageserver.httpClient() : controller;
    const detach = (timeline: TimelineId) => client.detachAncestor(env.initialTenant, timeline);
    const refusal = (status: number, text: string) => ({ status, reason: expect.stringContaining(text) });
    await expect(detach(env.initialTimeline)).rejects.toMatchObject(refusal(409, "no ancestors"));
    const early = await env.createBranch("early");
    const first = await env.createBranch("first");
    const second = await env.createBranch("second", { from: "first" });
    await expect(detach(second)).rejects.toMatchObject(refusal(400, "too many ancestors"));
    const archive = (timeline: TimelineId) => client.setArchivalState(env.initialTenant, timeline, "Archived");
    await archive(second);
    await archive(early);
    await expect(detach(first)).rejects.toMatchObject(refusal(400, `archived: ${early}`));
    if (pageservers === 1) await client.offloadTimeline(env.initialTenant, early);
    await archive(first);
    await expect(detach(first)).rejects.toMatchObject(refusal(400, `archived: ${first}`));
  },
);

// covers: test_timeline_detach_ancestor.py::test_sharded_timeline_detach_ancestor
test(
  "a branch of a sharded tenant is detached on every shard",
  requires("sharding", "testing"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder
      .with({ numPageservers: 2, initialTenantShardCount: 4, initialTenantShardStripeSize: 4 })
      .initStart();
    for (const pageserver of env.pageservers) pageserver.allowedErrors.push(...INTERRUPTED);
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select i, repeat('x', 500) as filler from generate_series(1, 1000) as i`;
    await env.waitForUpload(endpoint);
    await endpoint.stop();
    const branch = await env.createBranch("branch");
    const controller = env.storageController.httpClient();
    expect((await controller.asPageserver.detachAncestor(env.initialTenant, branch)).reparented_timelines).toEqual([]);
    for (const { shard, pageserver } of await env.tenantShards(env.initialTenant)) {
      await pageserver.waitForTenants();
      expect((await pageserver.httpClient().timelineDetail(shard, branch)).ancestor_timeline_id).toBeNull();
    }
    await controller.deleteTimeline(env.initialTenant, env.initialTimeline);
    expect(await rowsOn(env, "branch")).toBe(1000);
  },
);

import { existsSync } from "node:fs";
import { expect, requires, TenantId, test, TimelineId } from "../../fixtures";
import type { NeonEnv } from "../../fixtures";

/** Starts the deletion and resolves when the timeline is gone. */
async function deleteTimeline(env: NeonEnv, timeline: TimelineId): Promise<void> {
  const client = env.pageserver.httpClient();
  await client.deleteTimeline(env.initialTenant, timeline);
  const gone = () =>
    client.timelineDetail(env.initialTenant, timeline).then(
      () => undefined,
      (error: { status?: number }) => error.status,
    );
  await expect.poll(gone, { timeout: 10_000 }).toBe(404);
}

// covers: test_timeline_delete.py::test_timeline_delete
test("only a timeline without branches can be deleted, and only one that there is", async ({ neonSimpleEnv: env }) => {
  const client = env.pageserver.httpClient();
  env.pageserver.allowedErrors.push(/Timeline .* was not found/, /timeline not found/);
  const { initialTenant: tenant } = env;
  await expect(client.deleteTimeline(tenant, TimelineId.generate())).rejects.toMatchObject({ status: 404 });
  await expect(client.deleteTimeline(TenantId.generate(), env.initialTimeline)).rejects.toMatchObject({ status: 412 });
  const parent = await env.createBranch("parent");
  const leaf = await env.createBranch("leaf", { from: "parent" });
  const dir = env.pageserver.timelineDir(tenant, leaf);
  await expect(client.deleteTimeline(tenant, parent)).rejects.toMatchObject({
    status: 412,
    reason: expect.stringContaining("Cannot delete timeline which has child timelines"),
  });
  expect(existsSync(dir)).toBe(true);
  await deleteTimeline(env, leaf);
  expect(existsSync(dir)).toBe(false);
  await deleteTimeline(env, parent);
  await expect(client.deleteTimeline(tenant, parent)).rejects.toMatchObject({ status: 404 });
  expect((await client.listTimelines(tenant)).map((each) => each.timeline_id)).toEqual([env.initialTimeline]);
});

// covers: test_timeline_delete.py::test_timeline_resurrection_on_attach
test("a deleted timeline doesn't come back, whatever restarts or is attached", async ({ neonSimpleEnv: env }) => {
  const client = env.pageserver.httpClient();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 100) as i`;
  await env.waitForLastFlushLsn(endpoint);
  await env.createBranch("kept");
  const branch = await env.createBranch("branch");
  const writer = await env.endpoints.createStart("branch");
  await writer.sql`insert into t values (0)`;
  await env.waitForLastFlushLsn(writer);
  await writer.stop();
  await endpoint.stop();
  await deleteTimeline(env, branch);
  const ids = async () => (await client.listTimelines(env.initialTenant)).map((each) => each.timeline_id);
  const before = new Set(await ids());
  expect(before.has(branch)).toBe(false);
  await env.pageserver.restart();
  expect(new Set(await ids())).toEqual(before);
  await env.pageserver.tenantDetach(env.initialTenant);
  await env.pageserver.tenantAttach(env.initialTenant);
  await env.pageserver.waitForTenants();
  expect(new Set(await ids())).toEqual(before);
  const kept = await env.endpoints.createStart("kept");
  expect(await kept.sql`select count(*)::int as n from t`).toEqual([{ n: 100 }]);
});

// covers: test_timeline_delete.py::test_timeline_delete_works_for_remote_smoke
test("a tree of timelines is deleted from its leaves, and remote storage follows", async ({ neonSimpleEnv: env }) => {
  const { initialTenant: tenant, pageserverRemoteStorage: storage } = env;
  const ids = [await env.createBranch("b1")];
  for (const n of [2, 3]) ids.unshift(await env.createBranch(`b${n}`, { from: `b${n - 1}` }));
  ids.push(env.initialTimeline);
  for (const id of ids) {
    await storage.assertPrefixNotEmpty(storage.timelinePath(tenant, id));
    await deleteTimeline(env, id);
    await expect.poll(() => storage.list(storage.timelinePath(tenant, id)), { timeout: 10_000 }).toEqual([]);
  }
  expect(await env.pageserver.httpClient().listTimelines(tenant)).toEqual([]);
});

// covers: test_timeline_delete.py::test_delete_timeline_client_hangup
test("a deletion whose client hangs up goes on", requires("failpoints"), async ({ neonSimpleEnv: env }) => {
  const client = env.pageserver.httpClient();
  env.pageserver.allowedErrors.push(/request was dropped before completing/, /already in progress/);
  const branch = await env.createBranch("branch");
  const from = env.pageserver.logCursor();
  await client.pauseAt("persist_deleted_index_part");
  const impatient = client.deleteTimeline(env.initialTenant, branch, { timeoutMs: 1_000 });
  await expect(impatient).rejects.toMatchObject({ code: "HTTP_ERROR" });
  await env.pageserver.assertLogContains(/at failpoint persist_deleted_index_part/, { from });
  await client.clearFailpoints(["persist_deleted_index_part"]);
  const status = () =>
    client.timelineDetail(env.initialTenant, branch).then(
      () => 200,
      (error: { status?: number }) => error.status,
    );
  await expect.poll(status, { timeout: 10_000 }).toBe(404);
});

/** Where a deletion can break off; before the first two the call itself fails, behind them it has been answered. */
const CALL_FAILS = ["timeline-delete-before-index-deleted-at", "timeline-delete-before-schedule"];
const BEHIND_THE_CALL = [
  ...["timeline-delete-before-rm", "timeline-delete-after-rm"],
  ...["timeline-delete-before-index-delete", "timeline-delete-after-index-delete"],
];

/** Deletes a timeline with the failpoint set, and resolves when the deletion has broken off there. */
async function breakOff(env: NeonEnv, timeline: TimelineId, place: string): Promise<void> {
  const client = env.pageserver.httpClient();
  await client.configureFailpoints([[place, "return"]]);
  const deletion = client.deleteTimeline(env.initialTenant, timeline);
  if (CALL_FAILS.includes(place)) return expect(deletion).rejects.toThrow(`failpoint: ${place}`);
  await deletion;
  const state = async () => (await client.timelineDetail(env.initialTenant, timeline)).state;
  const reason = expect.stringMatching(`failpoint: ${place}$`) as string;
  await expect.poll(state, { timeout: 10_000 }).toMatchObject({ Broken: { reason } });
}

// covers: test_timeline_delete.py::test_delete_timeline_exercise_crash_safety_failpoints
test.for([...CALL_FAILS, ...BEHIND_THE_CALL])(
  "a deletion that breaks off at %s is brought to its end by another request, or by a restart",
  requires("failpoints"),
  async (place, { neonSimpleEnv: env }) => {
    env.pageserver.allowedErrors.push(/failpoint: timeline-delete/, /Ignoring (new state|state update)/);
    const { initialTenant: tenant, pageserverRemoteStorage: storage } = env;
    const client = env.pageserver.httpClient();
    const ids = async () => (await client.listTimelines(tenant)).map((each) => each.timeline_id);
    const nothingIsLeft = async (branch: TimelineId): Promise<void> => {
      await expect.poll(() => storage.list(storage.timelinePath(tenant, branch)), { timeout: 10_000 }).toEqual([]);
      expect(existsSync(env.pageserver.timelineDir(tenant, branch))).toBe(false);
    };
    const [again, restarted] = [await env.createBranch("again"), await env.createBranch("restarted")];
    await breakOff(env, again, place);
    await client.clearFailpoints([place]);
    await deleteTimeline(env, again);
    await nothingIsLeft(again);

    await breakOff(env, restarted, place);
    await env.pageserver.kill9();
    await env.pageserver.start();
    await env.pageserver.waitForTenants();
    // Nothing was said about it in remote storage yet, so it is there as if nobody had asked.
    if (place === "timeline-delete-before-index-deleted-at") {
      expect(await ids()).toContain(restarted);
      await deleteTimeline(env, restarted);
    }
    await expect.poll(ids, { timeout: 10_000 }).toEqual([env.initialTimeline]);
    await nothingIsLeft(restarted);
  },
);

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TenantId, TimelineId } from "../../types";
import { createLogger, HttpReply, HttpService } from "../service";
import { TestClusters } from "./cluster.test-data";

const clusters = new TestClusters();
let tenant: TenantId;

beforeEach(() => {
  tenant = TenantId.generate();
});
afterEach(async () => {
  await clusters.cleanUp();
  expect(clusters.complaints()).toEqual([]);
});

const soon = (check: () => unknown) => vi.waitFor(check, { interval: 5, timeout: 5000 });

/** A control plane that answers with what `status` says, and remembers the messages. */
async function computeHook() {
  const http = new HttpService(createLogger(() => undefined));
  const hook = { messages: [] as unknown[], status: 200, url: "" };
  http.route("PUT", "/notify", async (request) => {
    hook.messages.push(await request.json<unknown>());
    return new HttpReply(hook.status, null);
  });
  await http.listen("127.0.0.1", 0);
  clusters.onCleanUp(() => http.close());
  hook.url = `http://127.0.0.1:${http.port}/notify`;
  return hook;
}

test("a live migration leaves no moment without an attachment that has everything", async () => {
  const hook = await computeHook();
  const { call, ps1, ps2 } = await clusters.cluster(2, { computeHookUrl: hook.url });
  await call("POST", "v1/tenant", { new_tenant_id: tenant });
  const timeline = { new_timeline_id: TimelineId.generate() };
  await call("POST", `v1/tenant/${tenant}/timeline`, timeline);
  // The destination has the timeline, but not all of its WAL yet.
  ps1.lastRecordLsn = "0/20";
  ps2.lastRecordLsn = "0/10";
  const at = `http://127.0.0.1:${ps2.port}/v1/tenant/${tenant}/timeline`;
  await fetch(at, { method: "POST", body: JSON.stringify(timeline) });
  for (const ps of [ps1, ps2]) ps.requests.length = 0;

  const migration = call("PUT", `control/v1/tenant/${tenant}/migrate`, { tenant_shard_id: tenant, node_id: 2 });
  await soon(() => expect(ps2.requests).toEqual([`PUT ${tenant} AttachedMulti 2`]));
  expect(ps1.requests).toEqual([`PUT ${tenant} AttachedStale 1`]);
  expect(hook.messages).toHaveLength(1);
  ps2.lastRecordLsn = "0/20";
  expect(await migration).toEqual({ status: 200, body: {} });
  expect(ps1.requests.slice(1)).toEqual([`PUT ${tenant} Detached null`]);
  expect(ps2.requests.slice(1)).toEqual([`PUT ${tenant} AttachedSingle 2`]);
  expect(hook.messages).toEqual([
    expect.objectContaining({ tenant_id: tenant, stripe_size: null, shards: [{ node_id: 1, shard_number: 0 }] }),
    expect.objectContaining({ shards: [{ node_id: 2, shard_number: 0 }] }),
  ]);
});

test("a migration to a warm copy warms it up, and leaves a copy behind", async () => {
  const { call, ps1, ps2 } = await clusters.cluster(2);
  await call("POST", "v1/tenant", { new_tenant_id: tenant, placement_policy: { Attached: 1 } });
  await call("PUT", `control/v1/tenant/${tenant}/migrate`, { tenant_shard_id: tenant, node_id: 2 });
  expect(ps2.requests).toEqual([
    `PUT ${tenant} Secondary null`,
    `download ${tenant}`,
    `PUT ${tenant} AttachedMulti 2`,
    `PUT ${tenant} AttachedSingle 2`,
  ]);
  expect(ps1.locations.get(tenant)?.mode).toBe("Secondary");
  expect((await call("GET", `control/v1/tenant/${tenant}`)).body).toMatchObject({
    shards: [{ node_attached: 2, node_secondary: [1] }],
  });
});

test("a notification that fails is pending until it gets through", async () => {
  const hook = await computeHook();
  hook.status = 423;
  const { call } = await clusters.cluster(1, { computeHookUrl: hook.url });
  expect((await call("POST", "v1/tenant", { new_tenant_id: tenant })).status).toBe(201);
  const isPending = async () =>
    ((await call("GET", `control/v1/tenant/${tenant}`)).body as { shards: Record<string, unknown>[] }).shards[0];
  expect(await isPending()).toMatchObject({ is_pending_compute_notification: true });
  hook.status = 200;
  await soon(async () =>
    expect(await isPending()).toMatchObject({ is_pending_compute_notification: false, last_error: "" }),
  );
  const count = hook.messages.length;
  await call("POST", "debug/v1/reconcile_all");
  expect(hook.messages).toHaveLength(count);
});

test("shards of a node that is gone go to their copies; its return changes nothing", async () => {
  const { call, isNow, reAttach, pageservers, ps1 } = await clusters.cluster(3);
  await call("POST", "v1/tenant", { new_tenant_id: tenant, placement_policy: { Attached: 1 } });
  const describe = async () =>
    (
      (await call("GET", `control/v1/tenant/${tenant}`)).body as {
        shards: { node_attached: number; node_secondary: number[] }[];
      }
    ).shards[0];
  expect(await describe()).toMatchObject({ node_attached: 1 });
  const [copy = 0] = (await describe())?.node_secondary ?? [];
  await ps1.close();
  await isNow(1, { availability: "Offline" });
  await soon(() =>
    expect(pageservers[copy - 1]?.locations.get(tenant)).toMatchObject({ mode: "AttachedSingle", generation: 2 }),
  );
  expect(await describe()).toMatchObject({ node_attached: copy });
  expect(await call("POST", "debug/v1/reconcile_all")).toMatchObject({ body: 0 });

  const back = await clusters.pageserver(1, ps1.port, new Map(ps1.locations));
  expect(await reAttach(back)).toEqual({ tenants: [{ id: tenant, gen: null, mode: "Secondary" }] });
  await soon(() => expect(back.locations.get(tenant)?.mode).toBe("Secondary"));
  expect(await describe()).toEqual(expect.objectContaining({ node_attached: copy, node_secondary: [1] }));
});

test("a tenant that must not be moved waits for its node", async () => {
  const { call, isNow, ps1, ps2 } = await clusters.cluster(2);
  await call("POST", "v1/tenant", { new_tenant_id: tenant });
  await call("PUT", `control/v1/tenant/${tenant}/policy`, { scheduling: "Pause" });
  await ps1.close();
  await isNow(1, { availability: "Offline" });
  expect(ps2.locations.size).toBe(0);
});

test("a node is drained onto warm copies and filled again", async () => {
  const { call, isNow, ps1, ps2 } = await clusters.cluster(2);
  const tenants = Array.from({ length: 4 }, () => TenantId.generate());
  for (const new_tenant_id of tenants) {
    await call("POST", "v1/tenant", { new_tenant_id, placement_policy: { Attached: 1 } });
    // Without a zone of their own they may go anywhere.
    await call("PUT", "control/v1/preferred_azs", { [new_tenant_id]: null });
  }
  const attachedAt = (ps: typeof ps1) =>
    [...ps.locations.values()].filter(({ mode }) => mode === "AttachedSingle").length;
  expect([attachedAt(ps1), attachedAt(ps2)]).toEqual([2, 2]);
  expect((await call("PUT", "control/v1/node/9/drain")).status).toBe(404);
  expect(await call("DELETE", "control/v1/node/1/drain")).toMatchObject({
    status: 412,
    body: { msg: "Precondition failed: Node 1 has no drain in progress" },
  });
  expect(await call("PUT", "control/v1/node/1/drain")).toEqual({ status: 202, body: null });
  await isNow(1, { scheduling: "PauseForRestart" });
  expect([attachedAt(ps1), attachedAt(ps2)]).toEqual([0, 4]);
  expect(ps1.locations.size).toBe(4);

  expect((await call("PUT", "control/v1/node/1/fill")).status).toBe(412);
  await call("PUT", "control/v1/node/1/config", { node_id: 1, scheduling: "Active" });
  expect((await call("PUT", "control/v1/node/1/fill")).status).toBe(202);
  await soon(() => expect([attachedAt(ps1), attachedAt(ps2)]).toEqual([2, 2]));
  await isNow(1, { scheduling: "Active" });
});

test("a drain that is cancelled leaves the node in use", async () => {
  const { call, isNow, ps1 } = await clusters.cluster(2);
  const failpoints = (actions: string) => call("PUT", "debug/v1/failpoints", [{ name: "sleepy-drain-loop", actions }]);
  const tenants = Array.from({ length: 24 }, () => TenantId.generate());
  for (const new_tenant_id of tenants) {
    await call("POST", "v1/tenant", { new_tenant_id, placement_policy: { Attached: 1 } });
  }
  await failpoints("return(10000)");
  expect((await call("PUT", "control/v1/node/1/drain")).status).toBe(202);
  expect(await call("PUT", "control/v1/node/2/drain")).toMatchObject({
    status: 412,
    body: { msg: expect.stringContaining("Background operation already ongoing") as string },
  });
  expect((await call("DELETE", "control/v1/node/1/drain")).status).toBe(202);
  await failpoints("off");
  await isNow(1, { scheduling: "Active" });
  expect([...ps1.locations.values()].filter(({ mode }) => mode === "AttachedSingle").length).toBeGreaterThan(0);
});

test("a tenant is split; the computes hear of it, and a second request finds it done", async () => {
  const hook = await computeHook();
  const { call, ps1 } = await clusters.cluster(1, { computeHookUrl: hook.url });
  await call("POST", "v1/tenant", { new_tenant_id: tenant });
  const split = (new_shard_count: number) =>
    call("PUT", `control/v1/tenant/${tenant}/shard_split`, { new_shard_count });
  const expected = { status: 200, body: { new_shards: [`${tenant}-0002`, `${tenant}-0102`] } };
  expect(await split(2)).toEqual(expected);
  expect(await split(2)).toEqual(expected);
  expect(await split(1)).toMatchObject({
    status: 400,
    body: { msg: '"Requested count 1 but already have shards at count 2"' },
  });
  expect([...ps1.locations.keys()]).toEqual(expected.body.new_shards);
  expect(hook.messages.at(-1)).toMatchObject({
    stripe_size: 32768,
    shards: [{ shard_number: 0 }, { shard_number: 1 }],
  });
  expect((await call("POST", "debug/v1/consistency_check")).status).toBe(200);
  expect((await split(4)).body).toEqual({
    new_shards: ["0004", "0204", "0104", "0304"].map((slug) => `${tenant}-${slug}`),
  });
});

test("a split that fails leaves the tenant as it was, also when the controller dies of it", async () => {
  const { call, close, repoDir, ps1 } = await clusters.cluster(1);
  await call("POST", "v1/tenant", { new_tenant_id: tenant });
  ps1.splitFails = true;
  const split = () => call("PUT", `control/v1/tenant/${tenant}/shard_split`, { new_shard_count: 2 });
  expect(await split()).toMatchObject({ status: 500, body: { msg: "split failed" } });
  expect([...ps1.locations.keys()]).toEqual([tenant]);
  expect((await call("GET", `control/v1/tenant/${tenant}`)).body).toMatchObject({ shards: [{ is_splitting: false }] });
  expect(clusters.complaints()).toHaveLength(1);

  ps1.splitFails = false;
  await call("PUT", "debug/v1/failpoints", [{ name: "shard-split-post-remote", actions: "pause" }]);
  void split().catch(() => undefined);
  await soon(() => expect(ps1.locations.size).toBe(2));
  // Its state in the file is that of a split that goes on; nothing more of it gets there.
  const { readFile, writeFile } = await import("node:fs/promises");
  const path = `${repoDir}/storage_controller_db/state.json`;
  const torn = await readFile(path);
  await call("PUT", "debug/v1/failpoints", [{ name: "shard-split-post-remote", actions: "off" }]);
  await close();
  await writeFile(path, torn);
  const next = await clusters.controller(repoDir);
  await soon(() => expect([...ps1.locations]).toMatchObject([[tenant, { mode: "AttachedSingle" }]]));
  expect((await next.call("GET", `control/v1/tenant/${tenant}`)).body).toMatchObject({
    shards: [{ is_splitting: false }],
  });
  clusters.complaints();
});

test("a candidate makes the leader step down, and goes on from its state", async () => {
  const { call, repoDir, port, ps1 } = await clusters.cluster(1);
  await call("POST", "v1/tenant", { new_tenant_id: tenant });
  // The file names the leader's address; tests choose their ports only now.
  const { readFile, writeFile } = await import("node:fs/promises");
  const path = `${repoDir}/storage_controller_db/state.json`;
  const state = JSON.parse(await readFile(path, "utf8")) as { leader: { address: string } };
  state.leader.address = `http://127.0.0.1:${port}/`;
  await writeFile(path, JSON.stringify(state));
  const next = await clusters.controller(repoDir, { startAsCandidate: true });
  expect((await call("GET", "control/v1/node")).status).toBe(503);
  expect((await call("GET", "metrics")).body).toContain(
    'storage_controller_leadership_status{status="stepped_down"} 1',
  );
  expect((await next.call("GET", `control/v1/tenant/${tenant}`)).body).toMatchObject({
    shards: [{ node_attached: 1 }],
  });
  expect(ps1.locations.get(tenant)?.generation).toBe(1);
});

test("preferred zones are set by shard, and a body that names none is refused as Neon does", async () => {
  const { call } = await clusters.cluster(1);
  await call("POST", "v1/tenant", { new_tenant_id: tenant });
  const put = (body: object) => call("PUT", "control/v1/preferred_azs", body);
  expect((await put({ [tenant]: "x" })).body).toEqual({ updated: [tenant] });
  expect((await put({ [tenant]: "x" })).body).toEqual({ updated: [] });
  const bad = { preferred_az_ids: {} };
  expect(await put(bad)).toMatchObject({
    status: 400,
    body: {
      msg: `"Failed to parse json request: Invalid string length at line 1 column ${JSON.stringify(bad).length}"`,
    },
  });
});

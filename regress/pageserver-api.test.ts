import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, requires, TenantId, test, TimelineId } from "../fixtures";

// covers: test_pageserver_api.py::test_pageserver_http_api_client
test("the pageserver's API lists and creates tenants and timelines", async ({ neonSimpleEnv: env }) => {
  const client = env.pageserver.httpClient();
  expect(await client.status()).toEqual({ id: env.pageserver.id });
  const tenantId = TenantId.generate();
  await env.pageserver.tenantAttach(tenantId);
  const ids = (await client.listTenants()).map(({ id }) => id);
  expect(new Set(ids)).toEqual(new Set([env.initialTenant, tenantId]));
  expect(await client.listTimelines(tenantId)).toEqual([]);
  const timelineId = await env.createBranch("branch");
  const timelines = await client.listTimelines(env.initialTenant);
  expect(new Set(timelines.map((each) => each.timeline_id))).toEqual(new Set([env.initialTimeline, timelineId]));
  for (const each of timelines) {
    expect(each.tenant_id).toBe(env.initialTenant);
    const withSize = { includeNonIncrementalLogicalSize: true };
    const detail = await client.timelineDetail(env.initialTenant, each.timeline_id, withSize);
    expect(detail.current_logical_size_non_incremental).toBeGreaterThan(1_000_000);
    expect(detail).toMatchObject({ timeline_id: each.timeline_id, pg_version: Number(env.pgVersion), state: "Active" });
  }
});

// covers: test_pageserver_api.py::test_pageserver_http_get_wal_receiver_not_found
test("a timeline that nobody writes to has received nothing", async ({ neonSimpleEnv: env }) => {
  const detail = await env.pageserver.httpClient().timelineDetail(env.initialTenant, env.initialTimeline);
  expect(detail).toMatchObject({ wal_source_connstr: null, last_received_msg_lsn: null, last_received_msg_ts: null });
});

// covers: test_pageserver_api.py::test_pageserver_http_get_wal_receiver_success
test("a timeline that is written to says from whom it has what, and that grows", async ({ neonSimpleEnv: env }) => {
  const client = env.pageserver.httpClient();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  const received = async () => {
    const detail = await client.timelineDetail(env.initialTenant, env.initialTimeline);
    return { from: detail.wal_source_connstr, lsn: detail.last_received_msg_lsn, ts: detail.last_received_msg_ts };
  };
  const { pgPort } = env.safekeepers[0]?.settings ?? {};
  const until = Date.now() * 1000;
  await expect.poll(async () => (await received()).lsn, { timeout: 10_000 }).not.toBeNull();
  const first = await received();
  expect(first.from).toMatch(new RegExp(`127\\.0\\.0\\.1.*${String(pgPort)}`));
  // Microseconds; within an hour of now is enough to tell them from milliseconds.
  expect(Math.abs((first.ts ?? 0) - until)).toBeLessThan(3_600_000_000);
  await endpoint.sql`insert into t values (1)`;
  await env.waitForLastFlushLsn(endpoint);
  await expect.poll(async () => (await received()).lsn, { timeout: 10_000 }).not.toBe(first.lsn);
});

// covers: test_build_info_metric.py
test("pageserver and safekeeper say in a metric which build they are", async ({ neonSimpleEnv: env }) => {
  const scrapes = [env.pageserver.httpClient(), env.safekeepers[0]?.httpClient()].map(async (client) =>
    client?.metrics(),
  );
  for (const metrics of await Promise.all(scrapes)) {
    const [sample, ...others] = metrics?.all("libmetrics_build_info") ?? [];
    expect(others).toEqual([]);
    expect(sample?.value).toBe(1);
    expect(sample?.labels["revision"]).toMatch(/\S/);
  }
});

// covers: test_close_fds.py
test("nobody but the pageserver has its pid file open", requires("real"), async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
  await env.waitForLastFlushLsn(endpoint);
  const file = join(env.pageserver.workdir, "pageserver.pid");
  expect(holders(file)).toEqual([env.pageserver.pid]);
});

/** The processes that have the file open. */
function holders(file: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => openFiles(pid).includes(file))
    .map(Number);
}

function openFiles(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    // It, or one of its files, is gone by now: then it doesn't hold this one, which stays open.
    return [];
  }
}

// covers: test_logging.py
test.for(["error", "warn", "info", "debug", "trace"] as const)(
  "a metric counts events of level %s, as the log does",
  requires("testing"),
  async (level, { neonSimpleEnv: env }) => {
    const client = env.pageserver.httpClient();
    const message = `this is a test of level ${level}`;
    env.pageserver.allowedErrors.push(new RegExp(message));
    const count = async () => (await client.metrics()).total("libmetrics_tracing_event_count_total", { level });
    const isLogged = ["error", "warn", "info"].includes(level);
    const before = await count();
    const from = env.pageserver.logCursor();
    await client.postTracingEvent(level, message);
    if (isLogged) await env.pageserver.assertLogContains(message, { from });
    const added = (await count()) - before;
    if (isLogged) expect(added).toBeGreaterThan(0);
    else expect([added, env.pageserver.logContains(message, from)]).toEqual([0, undefined]);
  },
);

// covers: test_tenant_tasks.py
test(
  "every background task of a tenant that started has ended when the tenant is gone",
  requires("real"),
  async ({ neonSimpleEnv: env }) => {
    const client = env.pageserver.httpClient();
    const events = async (event: "start" | "stop") =>
      (await client.metrics()).total("pageserver_tenant_task_events_total", { event });
    await env.createBranch("branch");
    await expect.poll(() => events("start"), { timeout: 10_000 }).toBeGreaterThan(0);
    await env.pageserver.tenantDetach(env.initialTenant);
    expect(await client.listTenants()).toEqual([]);
    await expect.poll(async () => (await events("start")) - (await events("stop")), { timeout: 10_000 }).toBe(0);
  },
);

// covers: test_tenants.py::test_pageserver_metrics_removed_after_detach
test("a tenant's metrics go when it is detached, its neighbour's stay", async ({ neonSimpleEnv: env }) => {
  const client = env.pageserver.httpClient();
  const other = await env.createTenant();
  for (const tenantId of [env.initialTenant, other.tenantId]) {
    const endpoint = await env.endpoints.createStart("main", { tenantId });
    await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
    await env.waitForLastFlushLsn(endpoint);
    await endpoint.stop();
  }
  const ofTenant = async (tenant_id: TenantId) =>
    (await client.metrics()).samples.filter((sample) => sample.labels["tenant_id"] === tenant_id).length;
  expect(await ofTenant(env.initialTenant)).toBeGreaterThan(5);
  const neighbour = await ofTenant(other.tenantId);
  await env.pageserver.tenantDetach(env.initialTenant);
  await expect.poll(() => ofTenant(env.initialTenant), { timeout: 10_000 }).toBe(0);
  expect(await ofTenant(other.tenantId)).toBeGreaterThanOrEqual(neighbour - 2);
});

// covers: test_tenants.py::test_metrics_normal_work
test("the metrics of pageserver and safekeeper tell tenants and timelines apart", async ({ neonSimpleEnv: env }) => {
  const other = await env.createTenant();
  const tenants = [{ tenantId: env.initialTenant, timelineId: env.initialTimeline }, other];
  for (const [index, { tenantId, timelineId }] of tenants.entries()) {
    const endpoint = await env.endpoints.createStart("main", { tenantId });
    await endpoint.query(`create table t as select generate_series(1, ${1000 * (index + 1)}) as i`);
    const lsn = await env.waitForLastFlushLsn(endpoint);
    await endpoint.stop();
    const labels = { tenant_id: tenantId, timeline_id: timelineId };
    const ofPageserver = await env.pageserver.httpClient().metrics();
    expect(BigInt(ofPageserver.value("pageserver_last_record_lsn", labels) ?? 0)).toBeGreaterThanOrEqual(lsn);
    const ofSafekeeper = await env.safekeepers[0]?.httpClient().metrics();
    for (const name of ["safekeeper_flush_lsn", "safekeeper_commit_lsn"]) {
      expect(BigInt(ofSafekeeper?.value(name, labels) ?? 0)).toBeGreaterThanOrEqual(lsn);
    }
  }
});

// covers: test_broken_timeline.py::test_create_multiple_timelines_parallel
test("branches that are made at the same time are all there, once", async ({ neonSimpleEnv: env }) => {
  const client = env.pageserver.httpClient();
  const ids = Array.from({ length: 4 }, () => TimelineId.generate());
  const branch = (id: TimelineId) =>
    client.createTimeline(env.initialTenant, { new_timeline_id: id, ancestor_timeline_id: env.initialTimeline });
  const made = await Promise.all(ids.map(branch));
  expect(made.map((each) => each.timeline_id)).toEqual(ids);
  // The same request again gives the same answer.
  expect(await branch(ids[0] ?? TimelineId.generate())).toMatchObject({
    timeline_id: ids[0],
    ancestor_lsn: made[0]?.ancestor_lsn,
  });
  const listed = (await client.listTimelines(env.initialTenant)).map((each) => each.timeline_id);
  expect(listed.toSorted()).toEqual([env.initialTimeline, ...ids].toSorted());
});

// covers: test_branching.py::test_duplicate_creation
test("a timeline's id can't be used again for something else", async ({ neonSimpleEnv: env }) => {
  const client = env.pageserver.httpClient();
  env.pageserver.allowedErrors.push(/idempotency conflict|already exists/);
  const branch = await env.createBranch("branch");
  const root = { new_timeline_id: branch, pg_version: env.pgVersion };
  await expect(client.createTimeline(env.initialTenant, root)).rejects.toMatchObject({ status: 409 });
  const ofAnother = { new_timeline_id: branch, ancestor_timeline_id: await env.createBranch("other") };
  await expect(client.createTimeline(env.initialTenant, ofAnother)).rejects.toMatchObject({ status: 409 });
  const detail = await client.timelineDetail(env.initialTenant, branch);
  expect(detail.ancestor_timeline_id).toBe(env.initialTimeline);
});

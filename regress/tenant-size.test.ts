import { expect, test } from "../fixtures";
import type { NeonEnv, TenantId } from "../fixtures";

/** So that nothing but what a test does changes what has to be kept. */
const QUIET = { gc_period: "0s", compaction_period: "0s" };

async function sizeOf(env: NeonEnv, tenantId: TenantId = env.initialTenant): Promise<number> {
  const { size } = await env.pageserver.httpClient().syntheticSize(tenantId);
  if (size === null) throw new Error("the size was not calculated");
  return size;
}

/** Rows in a new table of a branch, and resolves when the pageserver has them; returns how far that is. */
async function write(env: NeonEnv, branch: string, rows: number): Promise<bigint> {
  const endpoint = await env.endpoints.createStart(branch, { configLines: ["autovacuum = off"] });
  const table = `t${String(rows)}_${branch}`;
  await endpoint.query(`create table ${table} as select i::bigint as n from generate_series(1, ${rows}) as i`);
  const lsn = await env.waitForLastFlushLsn(endpoint);
  await endpoint.stop();
  return lsn;
}

// covers: test_tenant_size.py::test_empty_tenant_size
test("an empty tenant's size is one timeline's, and the same after a restart", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ initialTenantConfig: QUIET }).initStart();
  const client = env.pageserver.httpClient();
  const { size, inputs } = await client.syntheticSize(env.initialTenant);
  const { current_logical_size: logical } = await client.timelineDetail(env.initialTenant, env.initialTimeline, {
    forceAwaitInitialLogicalSize: true,
  });
  expect(size).toBeGreaterThanOrEqual(logical);
  expect(inputs.timeline_inputs.map((each) => [each.timeline_id, each.ancestor_id])).toEqual([
    [env.initialTimeline, null],
  ]);
  expect(inputs.segments.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["BranchStart", "BranchEnd"]));
  await env.pageserver.restart();
  expect(await sizeOf(env)).toBe(size);
});

// covers: test_tenant_size.py::test_branched_empty_timeline_size
test("a branch adds nothing until something is written on it", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ initialTenantConfig: QUIET }).initStart();
  const before = await sizeOf(env);
  await env.createBranch("branch");
  expect(await sizeOf(env)).toBe(before);
  await write(env, "branch", 1000);
  expect(await sizeOf(env)).toBeGreaterThan(before);
});

// covers: test_tenant_size.py::test_branched_from_many_empty_parents_size
test("a chain of empty branches adds nothing, and what the last one has is counted once", async ({
  neonEnvBuilder,
}) => {
  const env = await neonEnvBuilder.with({ initialTenantConfig: QUIET }).initStart();
  const before = await sizeOf(env);
  for (let n = 1; n <= 5; n += 1) await env.createBranch(`b${n}`, n === 1 ? {} : { from: `b${n - 1}` });
  expect(await sizeOf(env)).toBe(before);
  await write(env, "b5", 1000);
  const written = await sizeOf(env);
  expect(written).toBeGreaterThan(before);
  // 1000 rows of 8 bytes and what Postgres keeps about them, not five times as much.
  expect(written - before).toBeLessThan(2_000_000);
});

// covers: test_tenant_size.py::test_branch_point_within_horizon, test_tenant_size.py::test_parent_within_horizon
test.for([
  { horizon: 20_000, before: 1000, after: 0 },
  { horizon: 5_000, before: 1000, after: 2000 },
])("writing on a branch adds to the size, horizon $horizon", async ({ horizon, before, after }, { neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ initialTenantConfig: { ...QUIET, gc_horizon: horizon } }).initStart();
  const lsn = await write(env, "main", before);
  if (after > 0) await write(env, "main", after);
  const size = await sizeOf(env);
  await env.createBranch("branch", { lsn });
  await write(env, "branch", 3000);
  expect(await sizeOf(env)).toBeGreaterThan(size);
});

// covers: test_tenant_size.py::test_only_heads_within_horizon, test_tenant_size.py::test_get_tenant_size_with_multiple_branches
test("every branch that is written to adds, whatever the horizon, and takes it along when it is deleted", async ({
  neonEnvBuilder,
}) => {
  const env = await neonEnvBuilder.with({ initialTenantConfig: { ...QUIET, gc_horizon: 1024 } }).initStart();
  const client = env.pageserver.httpClient();
  const sizes = [await sizeOf(env)];
  const ids = [await env.createBranch("first"), await env.createBranch("second")];
  for (const [branch, rows] of [
    ["main", 2000],
    ["first", 15_000],
    ["second", 3000],
  ] as const) {
    await write(env, branch, rows);
    sizes.push(await sizeOf(env));
  }
  expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
  expect(new Set(sizes).size).toBe(4);
  for (const id of ids) {
    const before = await sizeOf(env);
    await client.deleteTimeline(env.initialTenant, id);
    const status = () =>
      client.timelineDetail(env.initialTenant, id).then(
        () => 200,
        (error: { status?: number }) => error.status,
      );
    await expect.poll(status, { timeout: 10_000 }).toBe(404);
    expect(await sizeOf(env)).toBeLessThan(before);
  }
});

// covers: test_tenant_size.py::test_single_branch_get_tenant_size_grows
test("a tenant grows with what is written, also with what is deleted, and is the same after a restart", async ({
  neonEnvBuilder,
}) => {
  const config = { ...QUIET, gc_horizon: 1_000_000_000, pitr_interval: "7days", lsn_lease_length: "0s" };
  const env = await neonEnvBuilder.with({ initialTenantConfig: config }).initStart();
  const endpoint = await env.endpoints.createStart("main", { configLines: ["autovacuum = off"] });
  const sizes: number[] = [await sizeOf(env)];
  for (const step of [
    "create table t as select i, i as n from generate_series(1, 5000) as i",
    "insert into t select i, i from generate_series(1, 5000) as i",
    "update t set n = n + 1",
    "delete from t",
    "drop table t",
  ]) {
    await endpoint.query(step);
    await env.waitForLastFlushLsn(endpoint);
    sizes.push(await sizeOf(env));
  }
  expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
  expect(new Set(sizes).size).toBe(sizes.length);
  await endpoint.stop();
  const before = await sizeOf(env);
  await env.pageserver.restart();
  expect(await sizeOf(env)).toBe(before);
});

// covers: test_tenant_size.py::test_lsn_lease_size
test.for(["0s", "1h"])(
  "a lease costs as much as an empty branch would, with a history of %s",
  async (pitr, { neonEnvBuilder }) => {
    const config = { ...QUIET, pitr_interval: pitr };
    const env = await neonEnvBuilder.with({ initialTenantConfig: config }).initStart();
    const client = env.pageserver.httpClient();
    const withBranch = { tenantId: env.initialTenant, timelineId: env.initialTimeline };
    const [withLease, plain] = [await env.createTenant({ config }), await env.createTenant({ config })];
    const sizes: number[] = [];
    for (const tenant of [withBranch, withLease, plain]) {
      const { tenantId, timelineId } = tenant;
      const endpoint = await env.endpoints.createStart("main", { tenantId, configLines: ["autovacuum = off"] });
      await endpoint.sql`create table t as select i::bigint as n from generate_series(1, 5000) as i`;
      const lsn = await env.waitForLastFlushLsn(endpoint);
      if (tenant === withBranch) await env.createBranch("branch", { lsn });
      if (tenant === withLease) await client.leaseLsn(tenantId, timelineId, lsn);
      for (const table of ["a", "b"]) await endpoint.query(`create table ${table} as select * from t`);
      await env.waitForLastFlushLsn(endpoint);
      await endpoint.stop();
      sizes.push(await sizeOf(env, tenantId));
    }
    const [branch = 0, lease = 0, neither = 0] = sizes;
    // Postgres doesn't write exactly the same twice: some pages more or less.
    expect(Math.abs(branch - lease)).toBeLessThan(22 * 8272);
    if (pitr === "0s") expect(lease - neither).toBeGreaterThan(22 * 8272);
    const { inputs } = await client.syntheticSize(withLease.tenantId);
    expect(inputs.timeline_inputs[0]?.lease_points).toHaveLength(1);
  },
);

import { expect, requires, test } from "../../fixtures";
import type { Endpoint, NeonEnv } from "../../fixtures";

/** Nothing is collected unless a test says so, and then as much as it says. */
const BY_HAND = { gc_period: "0s", compaction_period: "0s", pitr_interval: "0s", lsn_lease_length: "0s" };
const TOO_OLD = /invalid branch start lsn: less than (latest|planned) GC cutoff/;

/** What is to be collected must be on the pageserver's disk. */
async function flush(env: NeonEnv, endpoint: Endpoint): Promise<void> {
  await env.waitForLastFlushLsn(endpoint);
  await env.pageserver.httpClient().checkpoint(env.initialTenant, env.initialTimeline, { compact: false });
}

const collect = ({ pageserver, initialTenant, initialTimeline }: NeonEnv, gcHorizon: number) =>
  pageserver.httpClient().collectGarbage(initialTenant, initialTimeline, { gcHorizon });

// covers: test_branch_and_gc.py::test_branch_and_gc
test("a branch can begin within the GC horizon, and not before it", requires("testing"), async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ initialTenantConfig: BY_HAND }).initStart();
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select generate_series(1, 1000) as i`;
  const early = await main.flushLsn();
  await main.sql`insert into t select generate_series(1, 10000)`;
  const late = await main.flushLsn();
  await main.sql`insert into t select generate_series(1, 10000)`;
  await flush(env, main);
  const end = await main.flushLsn();
  await collect(env, Number(end - late) + 1024);

  await expect(env.createBranch("early", { lsn: early })).rejects.toThrow(TOO_OLD);
  await env.createBranch("late", { lsn: late });
  const branch = await env.endpoints.createStart("late");
  await branch.sql`insert into t values (0)`;
  expect(await branch.sql`select count(*)::int as n from t`).toEqual([{ n: 11_001 }]);
});

// covers: test_branch_and_gc.py::test_branch_creation_before_gc
test(
  "a branch cannot begin where a collection that goes on has already decided to remove",
  requires("failpoints"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ initialTenantConfig: BY_HAND }).initStart();
    for (const node of [env.pageserver, env.storageController]) node.allowedErrors.push(TOO_OLD);
    const main = await env.endpoints.createStart("main");
    await main.sql`create table t as select generate_series(1, 1000) as i`;
    const early = await main.flushLsn();
    await main.sql`insert into t select generate_series(1, 10000)`;
    await flush(env, main);
    const client = env.pageserver.httpClient();
    await client.pauseAt("before-timeline-gc");
    const collected = collect(env, 0);
    let tried = 0;
    const attempt = (): Promise<string> =>
      env.createBranch(`b${(tried += 1)}`, { lsn: early }).then(
        () => "made, for nothing was decided yet",
        (error: unknown) => String(error),
      );
    await expect.poll(attempt, { timeout: 10_000 }).toMatch(TOO_OLD);
    await client.clearFailpoints(["before-timeline-gc"]);
    await collected;
    await expect(env.createBranch("afterwards", { lsn: early })).rejects.toThrow(TOO_OLD);
  },
);

// covers: test_pitr_gc.py::test_pitr_gc
test(
  "what the PITR interval covers survives a collection with no horizon at all",
  requires("testing"),
  async ({ neonEnvBuilder }) => {
    const initialTenantConfig = { ...BY_HAND, pitr_interval: "10m" };
    const env = await neonEnvBuilder.with({ initialTenantConfig }).initStart();
    const main = await env.endpoints.createStart("main");
    await main.sql`create table t as select generate_series(1, 100) as i`;
    const early = await main.flushLsn();
    for (let i = 0; i < 3; i += 1) await main.sql`insert into t select generate_series(1, 5000)`;
    await flush(env, main);
    const client = env.pageserver.httpClient();
    await client.compact(env.initialTenant, env.initialTimeline, { forceImageLayerCreation: true });
    await collect(env, 0);
    await env.createBranch("early", { lsn: early });
    const branch = await env.endpoints.createStart("early");
    expect(await branch.sql`select count(*)::int as n from t`).toEqual([{ n: 100 }]);

    // The same without the interval: then it is gone.
    await env.configTenant(undefined, BY_HAND);
    await collect(env, 0);
    const cutoff = await client.timelineLsn(env.initialTenant, env.initialTimeline, "latest_gc_cutoff_lsn");
    expect(cutoff).toBeGreaterThan(early);
    await expect(env.createBranch("too early", { lsn: early })).rejects.toThrow(TOO_OLD);
    await branch.restart();
    expect(await branch.sql`select count(*)::int as n from t`).toEqual([{ n: 100 }]);
  },
);

// covers: test_branch_behind.py::test_branch_behind
test("branches at LSNs that never were, or are gone, are refused", requires("testing"), async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ initialTenantConfig: BY_HAND }).initStart();
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select generate_series(1, 100) as i`;
  const first = await main.flushLsn();
  await env.waitForLastFlushLsn(main);
  await env.createBranch("child");
  await main.sql`insert into t select generate_series(1, 5000)`;
  // At the end of a segment there is no record, so the branch begins after the next one's header.
  await main.sql`select pg_switch_wal()`;
  await main.sql`insert into t values (-1)`;
  const lsn = await main.flushLsn();
  const boundary = lsn - (lsn % (await main.walSegmentBytes()));
  await flush(env, main);
  await env.createBranch("at a boundary", { lsn: boundary });
  const atBoundary = await env.endpoints.createStart("at a boundary");
  expect(await atBoundary.sql`select count(*)::int as n, min(i) from t`).toEqual([{ n: 5100, min: 1 }]);

  await expect(env.createBranch("x", { lsn: 0x42n })).rejects.toThrow(/invalid branch start lsn/);
  await expect(env.createBranch("x", { from: "child", lsn: 0x42n })).rejects.toThrow(/less than timeline ancestor lsn/);
  await collect(env, 0);
  await expect(env.createBranch("x", { lsn: first })).rejects.toThrow(TOO_OLD);
  await atBoundary.restart();
  expect(await atBoundary.sql`select count(*)::int as n from t`).toEqual([{ n: 5100 }]);
});

// covers: test_branching.py::test_branching_while_stuck_find_gc_cutoffs
test(
  "a collection that is stuck does not keep branches from being made",
  requires("failpoints"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ initialTenantConfig: { lsn_lease_length: "0s" } }).initStart();
    const client = env.pageserver.httpClient();
    await client.pauseAt("Timeline::find_gc_cutoffs-pausable");
    const from = env.pageserver.logCursor();
    const collected = client.collectGarbage(env.initialTenant, env.initialTimeline);
    await env.pageserver.assertLogContains(/at failpoint/, { from });
    await env.createBranch("child");
    await client.clearFailpoints(["Timeline::find_gc_cutoffs-pausable"]);
    await collected;
    const child = await env.endpoints.createStart("child");
    expect(await child.sql`select 1 as one`).toEqual([{ one: 1 }]);
  },
);

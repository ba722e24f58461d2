import { expect, Lsn, requires, test } from "../../fixtures";
import type { Endpoint } from "../../fixtures";

/** Commits one row at a time; the server's clock stood between the rows. */
async function commitRows(endpoint: Endpoint, count: number): Promise<{ at: string; lsn: Lsn }[]> {
  await using session = await endpoint.connect();
  const moments: { at: string; lsn: Lsn }[] = [];
  for (let i = 0; i < count; i += 1) {
    await session.query("insert into t values ($1)", [i]);
    const [row] = await session.sql`
      select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
             pg_current_wal_flush_lsn()::text as lsn`;
    moments.push({ at: String(row?.["at"]), lsn: Lsn.parse(String(row?.["lsn"])) });
    // No two commits in the same millisecond.
    await session.sql`select pg_sleep(0.005)`;
  }
  return moments;
}

// covers: test_lsn_mapping.py::test_lsn_mapping
test.for([false, true])(
  "a moment leads to the LSN that has what was committed then, leased: %s",
  requires("static_endpoints"),
  async (withLease, { neonSimpleEnv: env }) => {
    const { initialTenant: tenant, initialTimeline: timeline } = env;
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t (i int)`;
    const beginning = await endpoint.flushLsn();
    const moments = await commitRows(endpoint, 12);
    await endpoint.sql`insert into t values (-1)`;
    const end = await env.waitForLastFlushLsn(endpoint);
    const client = env.pageserver.httpClient();
    const find = async (at: Date | string) => {
      const found = await client.lsnByTimestamp(tenant, timeline, at, { withLease });
      expect(found.valid_until === undefined).toBe(!withLease);
      return { kind: found.kind, lsn: Lsn.parse(found.lsn) };
    };
    const hour = 3_600_000;
    const future = await find(new Date(Date.now() + hour));
    expect(future.kind).toBe("future");
    expect(future.lsn).toBeGreaterThan(beginning);
    const past = await find(new Date(Date.now() - 10 * hour));
    expect(past.kind).toBe("past");
    expect(past.lsn).toBeLessThan(beginning);
    for (const row of [1, 8]) {
      const { kind, lsn } = await find(moments[row]?.at ?? "");
      expect(kind).toBe("present");
      const then = await env.endpoints.createStart("main", { lsn });
      expect(await then.sql`select max(i) from t`).toEqual([{ max: row }]);
      await then.stopAndDestroy();
    }

    // A branch knows nothing from before its beginning.
    const child = await env.createBranch("child");
    const answer = await client.lsnByTimestamp(tenant, child, new Date(Date.now() - 10 * hour), { withLease });
    expect(answer.kind).toBe("past");
    expect(Lsn.parse(answer.lsn)).toBeGreaterThanOrEqual(end);
  },
);

// covers: test_lsn_mapping.py::test_ts_of_lsn_api
test("an LSN leads to the moment of the last commit before it", async ({ neonSimpleEnv: env }) => {
  const { initialTenant: tenant, initialTimeline: timeline } = env;
  env.pageserver.allowedErrors.push(/Invalid LSN|could not find data for key/);
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  const moments = await commitRows(endpoint, 10);
  await endpoint.sql`insert into t values (-1)`;
  const end = await env.waitForLastFlushLsn(endpoint);
  const client = env.pageserver.httpClient();
  for (let row = 1; row < moments.length; row += 3) {
    const [before, after] = [moments[row - 1], moments[row]];
    const found = Date.parse(await client.timestampOfLsn(tenant, timeline, after?.lsn ?? 0n));
    expect(found).toBeLessThanOrEqual(Date.parse(after?.at ?? ""));
    expect(found).toBeGreaterThanOrEqual(Date.parse(before?.at ?? ""));
  }
  // Beyond the end it is the last one.
  const last = Date.parse(await client.timestampOfLsn(tenant, timeline, end * 20n + 80_000n));
  expect(last).toBeGreaterThanOrEqual(Date.parse(moments.at(-1)?.at ?? ""));
  for (const lsn of [0n, 64n]) await expect(client.timestampOfLsn(tenant, timeline, lsn)).rejects.toThrow(/ 500 /);
});

// covers: test_lsn_mapping.py::test_get_lsn_by_timestamp_cancelled
test("who asks for an LSN and leaves does no harm", requires("failpoints"), async ({ neonSimpleEnv: env }) => {
  env.pageserver.allowedErrors.push(/request was dropped before completing|Cancelled request finished with an error/);
  const client = env.pageserver.httpClient();
  await client.pauseAt("find-lsn-for-timestamp-pausable");
  const from = env.pageserver.logCursor();
  const ask = (timeoutMs: number) =>
    client.lsnByTimestamp(env.initialTenant, env.initialTimeline, new Date(), {}, { timeoutMs });
  await expect(ask(1_000)).rejects.toThrow(/HTTP_/);
  await env.pageserver.assertLogContains(/at failpoint find-lsn-for-timestamp-pausable/, { from });
  await client.clearFailpoints(["find-lsn-for-timestamp-pausable"]);
  // The work for whoever left ends as cancelled, without a stack trace.
  await env.pageserver.assertLogContains(/Cancelled request finished with an error: Cancelled$/, { from });
  expect((await ask(10_000)).kind).toMatch(/future|nodata/);
});

// covers: test_readonly_node.py::test_readonly_node_gc
test(
  "an LSN that is leased stays readable when its history is collected, and no other does",
  requires("static_endpoints", "testing"),
  async ({ neonEnvBuilder }) => {
    const byHand = { gc_period: "0s", compaction_period: "0s", pitr_interval: "0s", lsn_lease_length: "4s" };
    const env = await neonEnvBuilder.with({ initialTenantConfig: byHand }).initStart();
    const { initialTenant: tenant, initialTimeline: timeline } = env;
    const client = env.pageserver.httpClient();
    const endpoint = await env.endpoints.createStart("main");
    for (const name of ["t", "u"]) await endpoint.query(`create table ${name} as select generate_series(1, 500) as i`);
    const lsn = await endpoint.flushLsn();
    await env.waitForLastFlushLsn(endpoint);
    const past = await env.endpoints.createStart("main", { lsn });
    const collect = async (): Promise<Lsn> => {
      for (const name of ["t", "u"]) await endpoint.query(`update ${name} set i = i + 1`);
      await env.waitForLastFlushLsn(endpoint);
      await client.checkpoint(tenant, timeline, { compact: false });
      await client.collectGarbage(tenant, timeline, { gcHorizon: 0 });
      return client.timelineLsn(tenant, timeline, "latest_gc_cutoff_lsn");
    };
    // After an attachment nothing is collected for as long as leases may be there that the pageserver knows nothing of.
    const cutoffIsBehind = async (): Promise<boolean> => (await collect()) > lsn;
    await expect.poll(cutoffIsBehind, { timeout: 30_000, interval: 300 }).toBe(true);
    expect(await past.sql`select sum(i)::int from t`).toEqual([{ sum: 125_250 }]);
    // It can be prolonged, but no other is given out for what is gone.
    await client.leaseLsn(tenant, timeline, lsn);
    await collect();
    expect(await past.sql`select sum(i)::int from u`).toEqual([{ sum: 125_250 }]);
    env.pageserver.allowedErrors.push(/invalid lsn lease request/);
    await expect(client.leaseLsn(tenant, timeline, lsn - 800n)).rejects.toThrow(/garbage collected/);
  },
);

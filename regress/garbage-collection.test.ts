import { expect, PagestreamClient, test } from "../fixtures";
import type { Lsn, NeonEnv, NeonEnvBuilder } from "../fixtures";

/** Nothing happens by itself; leases are short, for Neon collects nothing before an attachment is as old as one. */
const BY_HAND = { gc_period: "0s", compaction_period: "0s", lsn_lease_length: "8s" };

interface Past {
  env: NeonEnv;
  /** When `t` had 1000 ones, then 1000 twos; since then it has been written over several times. */
  ones: Lsn;
  twos: Lsn;
  /** Where `t` was then. */
  rel: { spcNode: number; dbNode: number; relNode: number; forkNum: number };
}

async function withPast(builder: NeonEnvBuilder, settings: Record<string, string>): Promise<Past> {
  const env = await builder.with({ initialTenantConfig: { ...BY_HAND, ...settings } }).initStart();
  const client = env.pageserver.httpClient();
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select 1 as i from generate_series(1, 1000)`;
  const lsns = [await main.flushLsn()];
  const [row] = await main.sql`
    select pg_relation_filenode('t')::int as node,
           (select oid::int from pg_database where datname = current_database()) as db`;
  const rel = { spcNode: 1663, dbNode: Number(row?.["db"]), relNode: Number(row?.["node"]), forkNum: 0 };
  for (const value of [2, 3, 4]) {
    await main.query(`update t set i = ${value}`);
    lsns.push(await main.flushLsn());
    await main.sql`vacuum full t`;
    await env.waitForLastFlushLsn(main);
    await client.checkpoint(env.initialTenant, env.initialTimeline, { forceImageLayerCreation: true });
  }
  const [ones = 0n, twos = 0n] = lsns;
  return { env, ones, twos, rel };
}

/** Collects what no setting keeps, until the cutoff has moved behind `lsn`. */
async function collectBehind(env: NeonEnv, lsn: Lsn, before: () => Promise<unknown>): Promise<void> {
  const client = env.pageserver.httpClient();
  const cutoff = async () => {
    await before();
    await client.collectGarbage(env.initialTenant, env.initialTimeline, { gcHorizon: 0 });
    return client.timelineLsn(env.initialTenant, env.initialTimeline, "latest_gc_cutoff_lsn");
  };
  await expect.poll(cutoff, { timeout: 25_000, interval: 500 }).toBeGreaterThan(lsn);
}

test("garbage collection keeps what a branch began with, and nobody can branch off there any more", async ({
  neonEnvBuilder,
}) => {
  const { env, ones, twos } = await withPast(neonEnvBuilder, { pitr_interval: "0s" });
  await env.createBranch("child", { lsn: ones });
  await collectBehind(env, twos, () => Promise.resolve());
  await expect(env.createBranch("late", { lsn: twos })).rejects.toThrow(/less than latest GC cutoff/);
  const child = await env.endpoints.createStart("child");
  const counts = () => child.sql`select i, count(*)::int as n from t group by i`;
  expect(await counts()).toEqual([{ i: 1, n: 1000 }]);
  // It is there for good, not only in somebody's memory.
  await child.stop();
  await env.pageserver.restart();
  await child.start();
  expect(await counts()).toEqual([{ i: 1, n: 1000 }]);
});

test("garbage collection keeps an LSN that somebody has leased, to the end of the lease", async ({
  neonEnvBuilder,
}) => {
  const { env, ones, twos, rel } = await withPast(neonEnvBuilder, { pitr_interval: "0s" });
  const client = env.pageserver.httpClient();
  const { initialTenant: tenantId, initialTimeline: timelineId } = env;
  const address = { host: "127.0.0.1", port: env.pageserver.pgPort };
  const pages = await PagestreamClient.connect({ ...address, tenantId, timelineId, version: 3 });
  const page = (lsn: Lsn) => pages.request({ kind: "getpage", rel, blkno: 0, requestLsn: lsn, notModifiedSince: lsn });
  env.pageserver.allowedErrors.push(/was garbage collected/, /invalid lsn lease request/);
  const before = await page(ones);
  expect(before.kind).toBe("getpage");
  await collectBehind(env, twos, () => client.leaseLsn(tenantId, timelineId, ones));
  expect(await page(ones)).toMatchObject({ kind: "getpage", page: (before as { page: Buffer }).page });
  await expect(client.leaseLsn(tenantId, timelineId, twos)).rejects.toThrow(/was garbage collected/);
  expect(await page(twos)).toMatchObject({ kind: "error" });
  const afterCollection = async (): Promise<string> => {
    await client.collectGarbage(tenantId, timelineId, { gcHorizon: 0 });
    return (await page(ones)).kind;
  };
  await expect.poll(afterCollection, { timeout: 20_000, interval: 500 }).toBe("error");
  pages.close();
});

test("garbage collection keeps the history of pitr_interval, and no longer than it is set", async ({
  neonEnvBuilder,
}) => {
  const kept = { pitr_interval: "1 hour", lsn_lease_length: "0s" };
  const { env, ones, twos } = await withPast(neonEnvBuilder, kept);
  await env.pageserver.httpClient().collectGarbage(env.initialTenant, env.initialTimeline, { gcHorizon: 0 });
  await env.createBranch("past", { lsn: ones });
  const past = await env.endpoints.createStart("past");
  expect(await past.sql`select i, count(*)::int as n from t group by i`).toEqual([{ i: 1, n: 1000 }]);
  await env.configTenant(undefined, { ...BY_HAND, ...kept, pitr_interval: "0s" });
  await collectBehind(env, twos, () => Promise.resolve());
  await expect(env.createBranch("late", { lsn: twos })).rejects.toThrow(/less than latest GC cutoff/);
});

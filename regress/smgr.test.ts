import { expect, requires, test } from "../fixtures";
import type { NeonEnv } from "../fixtures";

async function pagesServed(env: NeonEnv): Promise<number> {
  const metrics = await env.pageserver.httpClient().metrics();
  return metrics.total("pageserver_smgr_query_started_count_total", { smgr_query_type: "get_page_at_lsn" });
}

test("a compute reads its pages from the pageserver, on demand", requires("smgr"), async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select i, repeat('x', 500) as filler from generate_series(1, 20000) as i`;
  await endpoint.sql`update t set i = -i where i % 10 = 0`;
  await endpoint.stop();
  await endpoint.start();
  const before = await pagesServed(env);
  expect(await endpoint.sql`select sum(i)::int as sum, count(*)::int as n from t`).toEqual([
    { sum: 159_990_000, n: 20_000 },
  ]);
  // More than 10 MB, of which a compute that has just started has nothing.
  expect((await pagesServed(env)) - before).toBeGreaterThan(1_300);
});

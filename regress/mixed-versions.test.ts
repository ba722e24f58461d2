import { allPairsVersions, expect, needsOlderBuild, requires, test } from "../fixtures";

for (const { id, combination } of allPairsVersions) {
  const needs = needsOlderBuild(combination) ? requires("compatibility") : requires();
  // covers: test_compatibility.py::test_versions_mismatch
  test(`nodes of two releases work together: ${id}`, needs, async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ numSafekeepers: 3, versionCombination: combination }).initStart();
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
    await env.waitForLastFlushLsn(endpoint);
    await endpoint.stop();
    await env.pageserver.restart();
    await endpoint.start();
    expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 1000 }]);
  });
}

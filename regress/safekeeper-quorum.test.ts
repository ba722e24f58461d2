import { expect, test } from "../fixtures";
import type { Safekeeper } from "../fixtures";

// covers: test_wal_acceptor.py::test_restarts
test("rows survive SIGKILL of each safekeeper in turn", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  let expected = 0;
  for (const safekeeper of env.safekeepers) {
    await safekeeper.kill9();
    for (let i = 1; i <= 10; i += 1) await endpoint.query("insert into t values ($1)", [(expected += 1)]);
    await safekeeper.start();
  }
  await endpoint.kill9();
  await endpoint.start();
  expect(await endpoint.sql`select count(*)::int as n, max(i) from t`).toEqual([{ n: expected, max: expected }]);
});

// covers: test_wal_acceptor_async.py::test_unavailability
test("commits stop without a majority of safekeepers and go on when it returns", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const [first, second] = env.safekeepers as [Safekeeper, Safekeeper, Safekeeper];
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t (i int)`;
  await first.kill9();
  await endpoint.sql`insert into t values (1)`;
  await second.kill9();

  await using session = await endpoint.connect();
  let committed = false;
  const commit = session.sql`insert into t values (2)`.then(() => (committed = true));
  await endpoint.waitForBlockedCommit();
  expect(committed).toBe(false);
  // What no majority has is not visible to others either.
  expect(await endpoint.sql`select i from t`).toEqual([{ i: 1 }]);

  await second.start();
  await commit;
  expect(await endpoint.sql`select i from t order by i`).toEqual([{ i: 1 }, { i: 2 }]);
});

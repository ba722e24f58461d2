import { expect, test } from "../fixtures";

// covers: test_wal_acceptor_async.py::test_concurrent_computes
test("a second primary fences the first, and nothing that either acknowledged is lost", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const first = await env.endpoints.createStart("main");
  await first.sql`create table t (i int)`;
  await first.sql`insert into t values (1)`;
  const second = await env.endpoints.createStart("main", { allowMultiple: true });
  await second.sql`insert into t values (2)`;

  // Its commits wait for safekeepers that take nothing more from it, until it finds out why.
  await expect(first.sql`insert into t values (3)`).rejects.toThrow();
  await expect.poll(() => first.isRunning(), { timeout: 30_000 }).toBe(false);
  await second.sql`insert into t values (4)`;
  await second.restart();
  expect(await second.sql`select i from t order by i`).toEqual([{ i: 1 }, { i: 2 }, { i: 4 }]);

  await second.stop();
  await first.start();
  await first.sql`insert into t values (5)`;
  expect(await first.sql`select count(*)::int as n from t`).toEqual([{ n: 4 }]);
});

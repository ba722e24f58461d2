import { expect, SlowReader, test } from "../fixtures";
import type { NeonEnv } from "../fixtures";

/** What the stop and the detach may take while a client doesn't read; the original allows 30 s. */
const BUDGET_MS = 5_000;

/** A client of the initial timeline that sends until its socket takes nothing more, and never reads. */
async function stuckClient(env: NeonEnv): Promise<SlowReader> {
  const reader = await SlowReader.open({
    host: "127.0.0.1",
    port: env.pageserver.pgPort,
    tenantId: env.initialTenant,
    timelineId: env.initialTimeline,
    kind: env.engine.facts.features.has("testing") ? "test" : "getpage",
  });
  await reader.fillPipe({ budgetMs: 30_000 });
  return reader;
}

// covers: test_page_service_batching_regressions.py::test_slow_flush
test("a pageserver stops while a client sends page requests and never reads", async ({ neonSimpleEnv: env }) => {
  using reader = await stuckClient(env);
  await env.pageserver.stop({ budgetMs: BUDGET_MS });
  expect(env.pageserver.isRunning()).toBe(false);
  await reader.connectionLost;
});

test("a tenant detaches while a client sends page requests and never reads", async ({ neonSimpleEnv: env }) => {
  using reader = await stuckClient(env);
  await env.pageserver.tenantDetach(env.initialTenant, { budgetMs: BUDGET_MS });
  expect(await env.pageserver.httpClient().listTenants()).toEqual([]);
  await reader.connectionLost;
});

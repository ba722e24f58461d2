import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../testing";
import { TenantId, TimelineId } from "../types";
import { SlowReader } from "../wire";
import { makeNodeDirectory } from "./context";
import { Pageserver } from "./pageserver";
import { StorageController } from "./storage-controller";
import { StandIns } from "./testing/stand-ins";

const BUDGET_MS = 1_000;
const tenantId = TenantId.generate();

/** A page service that runs, with or without the bug, and a client of it that never reads. */
async function stuck(options: { holdsWhileFlushing: boolean }): Promise<Pageserver> {
  const standIns = new StandIns().bundle("pageserver", import.meta.resolve("./testing/page-service.ts"));
  onTestFinished(() => standIns[Symbol.dispose]());
  const context = standIns.context(options.holdsWhileFlushing ? { HOLD_WHILE_FLUSHING: "1" } : {});
  const [pgPort, httpPort] = [await freePort(), await freePort()];
  const config = { listen_pg_addr: `127.0.0.1:${pgPort}`, listen_http_addr: `127.0.0.1:${httpPort}` };
  const controller = new StorageController(context, {
    instanceId: 1,
    ports: { http: httpPort, database: 0 },
    config: {},
  });
  const pageserver = new Pageserver(context, { id: 7, pgPort, httpPort, availabilityZone: "a", config }, controller);
  makeNodeDirectory(context, context.repoDir);
  pageserver.writeConfig();
  onTestFinished(() => pageserver.kill9());
  await pageserver.start();
  const timelineId = TimelineId.generate();
  const reader = await SlowReader.open({
    host: "127.0.0.1",
    port: pgPort,
    tenantId,
    timelineId,
    blockedForMs: 300,
    stalledForMs: 300,
  });
  onTestFinished(() => reader.close());
  const filled = await reader.fillPipe({ budgetMs: 20_000 });
  expect(filled.bytesSent).toBeGreaterThan(1024 * 1024);
  return pageserver;
}

/** The error of an action that must fail, and how long it took. */
async function failureOf(action: Promise<unknown>): Promise<{ error: unknown; tookMs: number }> {
  const started = performance.now();
  const error: unknown = await action.then(
    () => expect.unreachable("it succeeded"),
    (reason: unknown) => reason,
  );
  return { error, tookMs: performance.now() - started };
}

test("a stop that waits for a client which never reads fails, says so, and leaves nothing", async () => {
  const pageserver = await stuck({ holdsWhileFlushing: true });
  const { error, tookMs } = await failureOf(pageserver.stop({ budgetMs: BUDGET_MS }));
  expect(error).toMatchObject({
    code: "NODE_WILL_NOT_STOP",
    message: expect.stringMatching(
      /^NODE_WILL_NOT_STOP: pageserver-7 .*phase: stop\n.*SIGTERM \(1000 ms\)(.|\n)*log tail:(.|\n)*SIGTERM: waiting/,
    ) as unknown,
    facts: { component: "pageserver-7", phase: "stop" },
  });
  expect(tookMs).toBeGreaterThan(BUDGET_MS - 50);
  expect(tookMs).toBeLessThan(BUDGET_MS + 1_000);
  expect(pageserver.isRunning()).toBe(false);
});

test("a detach that waits for a client which never reads fails and says so", async () => {
  const pageserver = await stuck({ holdsWhileFlushing: true });
  const { error, tookMs } = await failureOf(pageserver.tenantDetach(tenantId, { budgetMs: BUDGET_MS }));
  expect(error).toMatchObject({
    code: "WAIT_TIMEOUT",
    message: expect.stringMatching(
      /^WAIT_TIMEOUT: pageserver-7 .*phase: detach\n.*1000 ms(.|\n)*log tail:(.|\n)*PUT .*location_config/,
    ) as unknown,
    facts: { component: "pageserver-7", phase: "detach", budgetMs: BUDGET_MS },
  });
  expect(tookMs).toBeGreaterThan(BUDGET_MS - 50);
  expect(tookMs).toBeLessThan(BUDGET_MS + 1_000);
});

test("a page service that drops such a client detaches and stops in time", async () => {
  const pageserver = await stuck({ holdsWhileFlushing: false });
  await pageserver.tenantDetach(tenantId, { budgetMs: BUDGET_MS });
  await pageserver.stop({ budgetMs: BUDGET_MS });
  expect(pageserver.isRunning()).toBe(false);
});

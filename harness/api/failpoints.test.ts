import { expect, test } from "vitest";
import { HarnessError, messageOfUnknown, TenantId, TimelineId } from "../types";
import { ComputeClient, FailpointGuard, PageserverClient, SafekeeperClient, StorageControllerClient } from "./index";
import { failureOf, TestServer } from "./testing/node-server";

const BAD_ACTION = '"Failed to configure failpoints: unrecognized command \\"zzz\\""';

/** Answers as the pageserver does: null, or 400 for an action that it does not know. */
const listen = () =>
  TestServer.listen(({ body }) => (body.includes("zzz") ? { status: 400, body: { msg: BAD_ACTION } } : { body: null }));

const sent = (server: TestServer) => server.requests.map(({ body }) => JSON.parse(body) as unknown);

test.each([
  ["pageserver", PageserverClient, "PUT /v1/failpoints"],
  ["safekeeper", SafekeeperClient, "PUT /v1/failpoints"],
  ["storage controller", StorageControllerClient, "PUT /debug/v1/failpoints"],
  ["compute", ComputeClient, "POST /failpoints"],
])("%s: several failpoints in one call, at its own route", async (component, Client, line) => {
  await using server = await listen();
  const client = new Client(component, server.url);
  await client.configureFailpoints([
    ["a", "return(1)"],
    ["b", "pause"],
  ]);
  expect(server.lines).toEqual([line]);
  expect(sent(server)).toEqual([
    [
      { name: "a", actions: "return(1)" },
      { name: "b", actions: "pause" },
    ],
  ]);
});

test("a malformed action is an HttpStatusError", async () => {
  await using server = await listen();
  const error = await failureOf(new PageserverClient("pageserver_1", server.url).configureFailpoints([["a", "zzz"]]));
  expect(error).toMatchObject({ status: 400, reason: BAD_ACTION });
});

test("withFailpoint clears it, after success and after failure", async () => {
  await using server = await listen();
  const failpointGuard = new FailpointGuard();
  const client = new PageserverClient("pageserver_1", server.url, { failpointGuard });
  expect(await client.withFailpoint("a", "pause", () => failpointGuard.active.length)).toBe(1);
  const error = await failureOf(
    client.withFailpoint("b", "1*return", () => {
      throw new Error("the test's own");
    }),
  );
  expect(messageOfUnknown(error)).toBe("the test's own");
  const actions = sent(server).flatMap((body) => (body as { name: string; actions: string }[]).map((f) => f.actions));
  expect(actions).toEqual(["pause", "off", "1*return", "off"]);
  expect(failpointGuard.active).toEqual([]);
});

test("withFailpoint reports both failures when the clearing fails too", async () => {
  await using server = await TestServer.listen(({ body }) =>
    body.includes("off") ? { status: 500, body: { msg: "stuck" } } : {},
  );
  const client = new PageserverClient("pageserver_1", server.url);
  const failing = client.withFailpoint("a", "pause", () => Promise.reject(new Error("the test's own")));
  expect((await failureOf(failing)) as AggregateError).toMatchObject({
    errors: [{ message: "the test's own" }, { status: 500 }],
  });
});

test("a node that its failpoint took down has nothing left to clear", async () => {
  const server = await listen();
  const client = new SafekeeperClient("safekeeper_1", server.url);
  await client.withFailpoint("a", "exit", () => server.close());
});

test("a guard clears what all clients left behind, and once", async () => {
  await using pageserver = await listen();
  await using safekeeper = await listen();
  const failpointGuard = new FailpointGuard();
  const options = { failpointGuard };
  await new PageserverClient("pageserver_1", pageserver.url, options).pauseAt("a");
  await new PageserverClient("pageserver_1", pageserver.url, options).configureFailpoints([["b", "return"]]);
  await new SafekeeperClient("safekeeper_1", safekeeper.url, options).configureFailpoints([["c", "return"]]);
  await new SafekeeperClient("safekeeper_1", safekeeper.url, options).clearFailpoints(["c"]);
  expect(failpointGuard.active).toEqual([
    { component: "pageserver_1", name: "a", action: "pause" },
    { component: "pageserver_1", name: "b", action: "return" },
  ]);
  await failpointGuard.clear();
  await failpointGuard.clear();
  expect(sent(pageserver).slice(2)).toEqual([[{ name: "a", actions: "off" }], [{ name: "b", actions: "off" }]]);
  expect(safekeeper.requests).toHaveLength(2);
});

test("a guard tells which failpoints could not be cleared, and passes over nodes that are gone", async () => {
  await using stuck = await TestServer.listen(({ body }) =>
    body.includes("off") ? { status: 500, body: { msg: "stuck" } } : {},
  );
  const gone = await listen();
  const failpointGuard = new FailpointGuard();
  await new PageserverClient("pageserver_1", stuck.url, { failpointGuard }).pauseAt("a");
  await new PageserverClient("pageserver_2", gone.url, { failpointGuard }).pauseAt("a");
  await gone.close();
  const error = await failureOf(failpointGuard.clear());
  expect(HarnessError.is(error, "CHECK_FAILED")).toBe(true);
  expect(messageOfUnknown(error)).toContain("1 of 2 failpoints could not be cleared");
  expect(messageOfUnknown(error)).toContain("pageserver_1 answered 500");
});

test("a name that the program does not contain fails before it is sent", async () => {
  await using server = await listen();
  const isKnownFailpoint = (name: string): Promise<boolean> => Promise.resolve(name === "before-upload");
  const client = new PageserverClient("pageserver_1", server.url, { isKnownFailpoint });
  await client.configureFailpoints([["before-upload", "pause"]]);
  const error = await failureOf(client.configureFailpoints([["before-uplaod", "pause"]]));
  expect(HarnessError.is(error, "BAD_VALUE")).toBe(true);
  expect(messageOfUnknown(error)).toContain("before-uplaod");
  expect(server.requests).toHaveLength(1);
});

const [tenantId, timelineId] = [TenantId.generate(), TimelineId.generate()];
const whole = { features: new Set<string>(["testing", "failpoints"]) };
const released = { features: new Set<string>() };

test.each<[string, (client: PageserverClient) => Promise<unknown>]>([
  ["failpoints", (client) => client.pauseAt("a")],
  ["testing", (client) => client.checkpoint(tenantId, timelineId)],
  ["testing", (client) => client.offloadTimeline(tenantId, timelineId)],
  ["testing", (client) => client.breakTenant(tenantId)],
  ["testing", (client) => client.postTracingEvent("error", "x")],
])("without the feature %s a call that needs it fails before it is sent", async (feature, call) => {
  await using server = await listen();
  const error = await failureOf(call(new PageserverClient("pageserver_1", server.url, released)));
  expect(HarnessError.is(error, "ENGINE_LACKS")).toBe(true);
  expect(messageOfUnknown(error)).toContain(`requires: ["${feature}"]`);
  expect(server.requests).toHaveLength(0);
  await call(new PageserverClient("pageserver_1", server.url, whole));
  await call(new PageserverClient("pageserver_1", server.url));
  expect(server.requests).toHaveLength(2);
});

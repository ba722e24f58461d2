import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { errnoOf, HarnessError, messageOfUnknown } from "../../types";
import { failureOf, TestServer } from "../testing/node-server";
import { HttpClient } from "./client";
import { HttpStatusError, isConnectionRefused } from "./errors";
import { parseWithSystemIds, stringifyWithBigints } from "./wide-integers";

const TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.eyJ0ZW5hbnRfaWQiOm51bGx9.c2lnbmF0dXJlLXNpZ25hdHVyZQ";

const client = (server: TestServer, token?: string) => new HttpClient("pageserver_1", server.url, token);

async function refusingUrl(): Promise<string> {
  await using server = await TestServer.listen(() => ({}));
  return server.url;
}

// Bodies as real nodes gave them.
test.each([
  ["pageserver 400", 400, { msg: '"failed to parse tenant_shard_id"' }, '"failed to parse tenant_shard_id"'],
  ["pageserver 404", 404, { msg: "page not found" }, "page not found"],
  ["authentication off", 400, null, ""],
  ["safekeeper 404", 404, "Not Found\n", "Not Found"],
  ["compute 404 without a body", 404, "", ""],
  ["compute 422", 422, { error: "missing field `spec`" }, "missing field `spec`"],
  ["no object at all", 500, "[1]", "[1]"],
])("%s is an HttpStatusError with its reason", async (_, status, body, reason) => {
  await using server = await TestServer.listen(() => ({ status, body }));
  const error = await failureOf(client(server).json("/v1/tenant/xyz"));
  expect(error).toBeInstanceOf(HttpStatusError);
  expect(error).toMatchObject({ status, reason, code: "HTTP_ERROR" });
  expect(messageOfUnknown(error)).toContain(`pageserver_1 answered ${status} to GET /v1/tenant/xyz`);
});

test("a call sends method, query, body and token", async () => {
  await using server = await TestServer.listen(() => ({ body: { done: true } }));
  const call = { method: "PUT", query: { lsn: "0/14EC430", execute: true, no: undefined }, body: { a: 1 } } as const;
  expect(await client(server, TOKEN).json("/v1/x", call)).toEqual({ done: true });
  expect(server.lines).toEqual(["PUT /v1/x?lsn=0%2F14EC430&execute=true"]);
  expect(server.requests[0]?.headers).toMatchObject({
    authorization: `Bearer ${TOKEN}`,
    "content-type": "application/json",
  });
  expect(server.requests[0]?.body).toBe('{"a":1}');
});

test("bytes and streams are sent as they are", async () => {
  await using server = await TestServer.listen(() => ({}));
  await client(server).send("/import", { method: "PUT", payload: Buffer.from("tar") });
  await client(server).send("/import", { method: "PUT", payload: Readable.from(["t", "a", "r"]) });
  expect(server.requests.map(({ body }) => body)).toEqual(["tar", "tar"]);
});

test("a silent node ends the call within its budget, and the message names it", async () => {
  await using server = await TestServer.listen(() => undefined);
  const started = performance.now();
  const error = await failureOf(client(server).json("/v1/status", { timeoutMs: 50 }));
  expect(performance.now() - started).toBeLessThan(2_000);
  expect(HarnessError.is(error, "HTTP_ERROR")).toBe(true);
  expect(messageOfUnknown(error)).toContain("pageserver_1 did not answer GET /v1/status");
  expect(messageOfUnknown(error)).toContain("no complete answer within 50 ms");
});

test("an answer that stops half-way is no answer, in time or cut off", async () => {
  await using server = await TestServer.listen((seen, response) => {
    response.write('{"half":');
    if (seen.line.endsWith("/cut")) setImmediate(() => response.destroy());
    return undefined;
  });
  const late = await failureOf(client(server).json("/late", { timeoutMs: 50 }));
  expect(messageOfUnknown(late)).toContain("no complete answer within 50 ms");
  const cut = await failureOf(client(server).json("/cut", { timeoutMs: 5_000 }));
  expect(cut).not.toBeInstanceOf(HttpStatusError);
  expect(errnoOf(cut)).toBe("ECONNRESET");
});

test("a caller can abort a call", async () => {
  await using server = await TestServer.listen(() => undefined);
  const abort = new AbortController();
  const failure = failureOf(client(server).json("/v1/status", { signal: abort.signal }));
  abort.abort(new Error("enough"));
  expect(messageOfUnknown(await failure)).toContain("enough");
});

test("no message of a refused call shows the token", async () => {
  const error = await failureOf(new HttpClient("pageserver_1", await refusingUrl(), TOKEN).json("/v1/status"));
  expect(isConnectionRefused(error)).toBe(true);
  expect(`${messageOfUnknown(error)} ${JSON.stringify(error)}`).not.toContain(TOKEN.slice(-20));
});

test("nothing is repeated unless it is asked for", async () => {
  await using server = await TestServer.listen(() => ({ status: 503, body: { msg: "Shutting down" } }));
  expect(await failureOf(client(server).json("/v1/tenant"))).toMatchObject({ status: 503 });
  expect(server.requests).toHaveLength(1);
});

test("asked for, 503 is repeated until there is an answer", async () => {
  await using server = await TestServer.listen(() =>
    server.requests.length < 3 ? { status: 503, body: { msg: "not yet" } } : { body: [] },
  );
  expect(await client(server).json("/v1/tenant", { retries: { budgetMs: 5_000 } })).toEqual([]);
  expect(server.requests).toHaveLength(3);
});

test("asked for, a refused connection is repeated until somebody listens", async () => {
  const gone = await TestServer.listen(() => ({}));
  const { port, url } = gone;
  await gone.close();
  const answer = new HttpClient("safekeeper_1", url).json("/v1/status", { retries: { budgetMs: 5_000 } });
  await using _server = await TestServer.listen(() => ({ body: { id: 1 } }), port);
  expect(await answer).toEqual({ id: 1 });
});

test("when the budget of repeats is over, the last failure comes out with its status", async () => {
  await using server = await TestServer.listen(() => ({ status: 503, body: { msg: "never" } }));
  const error = await failureOf(client(server).json("/v1/tenant", { retries: { budgetMs: 60 } }));
  expect(error).toMatchObject({ status: 503, reason: "never" });
  expect(server.requests.length).toBeGreaterThan(1);
});

test("any other failure ends the repeats at once", async () => {
  await using server = await TestServer.listen(() => ({ status: 500, body: { msg: "broken" } }));
  const error = await failureOf(client(server).json("/v1/tenant", { retries: { budgetMs: 5_000 } }));
  expect(error).toMatchObject({ status: 500 });
  expect(server.requests).toHaveLength(1);
});

test("a POST is repeated only where the caller says that it may be", async () => {
  await using server = await TestServer.listen(() =>
    server.requests.length < 2 ? { status: 503, body: { msg: "not yet" } } : { body: 1 },
  );
  const post = { method: "POST", body: {} } as const;
  const error = await failureOf(client(server).json("/x", { ...post, retries: { budgetMs: 1_000 } }));
  expect(HarnessError.is(error, "MISUSE")).toBe(true);
  expect(server.requests).toHaveLength(0);
  expect(await client(server).json("/x", { ...post, retries: { budgetMs: 5_000, idempotent: true } })).toBe(1);
});

test("a system identifier keeps all its digits, in both directions", () => {
  const text = '{"server":{"system_id":7710979454304775453},"note":"\\"system_id\\": 1","other":12}';
  const parsed = parseWithSystemIds(text);
  expect(parsed).toEqual({
    server: { system_id: 7710979454304775453n },
    note: '"system_id": 1',
    other: 12,
  });
  expect(stringifyWithBigints(parsed)).toBe(text);
});

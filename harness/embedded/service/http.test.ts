import { EventEmitter, once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { badRequest, conflict, forbidden, notFound, unavailable } from "./api-error";
import { HttpReply, HttpService } from "./http";
import { createLogger } from "./log";
import { createRegistry, metricsRoute } from "./metrics";

let lines: string[];
let http: HttpService;

beforeEach(async () => {
  lines = [];
  http = new HttpService(createLogger((line) => lines.push(line), "info"));
  await http.listen("127.0.0.1", 0);
});

afterEach(() => http.close());

async function call(method: string, path: string, body?: string) {
  const response = await fetch(`http://127.0.0.1:${http.port}${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
  });
  return [response.status, await response.text()];
}

test("parameters, query, body and results", async () => {
  http.route("PUT", "/v1/:tenant/x/:name", async (request) => ({
    ...request.params,
    q: request.query.get("q"),
    ...(await request.json<object>()),
  }));
  http.route("GET", "/none", () => undefined);
  http.route("GET", "/rest/*", ({ params }) => params["*"]);
  http.route("POST", "/created", () => new HttpReply(201, { big: 1n << 63n }));
  expect(await call("PUT", "/v1/t%20t/x/n/?q=1", '{"n":18446744073709551615}')).toEqual([
    200,
    '{"tenant":"t t","name":"n","q":"1","n":18446744073709551615}',
  ]);
  expect(await call("GET", "/none")).toEqual([200, "null"]);
  expect(await call("GET", "/rest/a/b")).toEqual([200, '"a/b"']);
  expect(await call("POST", "/created")).toEqual([201, '{"big":9223372036854775808}']);
  expect(await call("GET", "/created")).toEqual([404, "Not Found"]);
});

test("errors have Neon's status, text and log level", async () => {
  const failures = {
    bad: badRequest('say "x"'),
    missing: notFound("tenant 1"),
    clash: conflict("in use"),
    later: unavailable("not yet"),
    denied: forbidden("JWT authentication error"),
    broken: new Error("disk on fire", { cause: new Error("smoke") }),
  };
  for (const [name, error] of Object.entries(failures)) {
    http.route("POST", `/${name}`, () => Promise.reject(error));
  }
  http.route("POST", "/json", (request) => request.json());
  expect(await call("POST", "/bad")).toEqual([400, String.raw`{"msg":"\"say \\\"x\\\"\""}`]);
  expect(await call("POST", "/missing")).toEqual([404, '{"msg":"NotFound: tenant 1"}']);
  expect(await call("POST", "/clash")).toEqual([409, '{"msg":"Conflict: in use"}']);
  expect(await call("POST", "/later")).toEqual([503, '{"msg":"not yet"}']);
  expect(await call("POST", "/json")).toEqual([400, String.raw`{"msg":"\"missing request body\""}`]);
  expect((await call("POST", "/json", "{"))[1]).toContain("Failed to parse json request: ");
  expect(lines.filter((line) => /\s(ERROR|WARN)/.test(line))).toEqual([]);
  expect(await call("POST", "/denied")).toEqual([403, '{"msg":"Forbidden: JWT authentication error"}']);
  expect(await call("POST", "/broken")).toEqual([500, '{"msg":"disk on fire: smoke"}']);
  const loud = lines.filter((line) => /\s(ERROR|WARN)/.test(line)).map((line) => line.replace(/^\S+ +/, "").trim());
  expect(loud).toEqual([
    expect.stringMatching(/^WARN request\{method=POST path=\/denied request_id=[0-9a-f-]{36}\}: Error processing HTTP/),
    expect.stringMatching(
      /^ERROR request\{.*\}: Error processing HTTP request: InternalServerError\(disk on fire: smoke\)$/,
    ),
  ]);
});

test("writes are logged, reads are not", async () => {
  http.route("PUT", "/x", () => null);
  http.route("GET", "/x", () => null);
  await call("GET", "/x");
  await call("PUT", "/x");
  expect(lines.map((line) => line.replace(/^.*\}: /s, "").trim())).toEqual([
    "Handling request",
    "Request handled, status: 200 OK",
  ]);
});

test("metrics of the process and of the log", async () => {
  metricsRoute(http, createRegistry());
  const [status, text] = await call("GET", "/metrics");
  expect(status).toBe(200);
  for (const name of ["process_open_fds", "process_resident_memory_bytes", "libmetrics_maxrss_kb"]) {
    expect(Number(new RegExp(`^${name} (\\d+)`, "m").exec(String(text))?.[1])).toBeGreaterThan(0);
  }
  expect(text).toMatch(/^libmetrics_tracing_event_count\{level="error"\} \d+$/m);
  expect(text).toMatch(/^libmetrics_build_info\{revision="embedded:[^"]+",build_tag="[^"]+"\} 1$/m);
});

test("close does not wait for a client that only keeps its connection", async () => {
  const idle = connect(http.port, "127.0.0.1");
  await once(idle, "connect");
  const started = performance.now();
  const ended = once(idle, "close");
  idle.resume();
  await http.close();
  await ended;
  expect(performance.now() - started).toBeLessThan(2000);
});

test("a client that leaves is noted, its handler is told, and how that ends is noted, too", async () => {
  const steps = new EventEmitter();
  const begun = once(steps, "begun");
  http.route("GET", "/slow", async ({ left }) => {
    steps.emit("begun");
    await once(left, "abort");
    throw new Error("Cancelled");
  });
  const socket = connect(http.port, "127.0.0.1");
  socket.write("GET /slow HTTP/1.1\r\nhost: me\r\n\r\n");
  await begun;
  expect(lines.filter((line) => line.includes("WARN"))).toEqual([]);
  socket.destroy();
  await expect
    .poll(() => lines.filter((line) => /WARN|ERROR/.test(line)))
    .toEqual([
      expect.stringMatching(/WARN request\{method=GET path=\/slow .*\}: request was dropped before completing\n$/),
      expect.stringMatching(/ERROR request\{.*\}: Cancelled request finished with an error: Cancelled\n$/),
    ]);
  // Whoever gets the answer didn't leave.
  http.route("GET", "/quick", ({ left }) => left.aborted);
  expect(await call("GET", "/quick")).toEqual([200, "false"]);
  expect(lines.filter((line) => line.includes("WARN"))).toHaveLength(1);
});

import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nodeProgram, temporaryDirectory } from "../process/test-tools";
import { HarnessError } from "../types";
import { Wait, pollUntil } from ".";

async function failureOf(work: Promise<unknown>): Promise<HarnessError> {
  const error: unknown = await work.then(
    () => new Error("it did not fail"),
    (reason: unknown) => reason,
  );
  if (!HarnessError.is(error)) throw error;
  return error;
}

async function serve(listener: RequestListener): Promise<AsyncDisposable & { url: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const close = async () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/status`, [Symbol.asyncDispose]: close };
}

test("undefined, false and errors mean not yet; a value ends the wait", async () => {
  const answers = [() => undefined, () => false as const, () => Promise.reject(new Error("no")), () => 0];
  let tries = 0;
  const probe = () => answers[tries++]?.();
  expect(await pollUntil<number>("zero", probe, { budgetMs: 2000 })).toBe(0);
  expect(tries).toBe(4);
});

test("a time-out says who, what, how long and what was seen last", async () => {
  const probe = ({ observed }: { observed: (value: unknown) => void }) => observed({ lsn: 7n }) as undefined;
  const error = await failureOf(pollUntil("WAL arrives", probe, { budgetMs: 40, component: "pageserver-1" }));
  expect(error.message).toBe(
    'WAIT_TIMEOUT: pageserver-1: waited 40 ms in vain for: WAL arrives\n  found: last observed: {"lsn":"7"}',
  );
  expect(error.facts).toMatchObject({ component: "pageserver-1", phase: "WAL arrives", budgetMs: 40 });
});

test("the last error is an observation, too", async () => {
  const probe = () => Promise.reject(new Error("outer", { cause: new Error("inner") }));
  const error = await failureOf(pollUntil("x", probe, { budgetMs: 30 }));
  expect(error.message).toContain("last observed: outer (inner)");
});

test("a try that hangs does not outlast the budget, and is told to let go", async () => {
  let released = false;
  const hang = async ({ signal }: { signal: AbortSignal }) =>
    new Promise<undefined>(() => signal.addEventListener("abort", () => (released = true)));
  const started = performance.now();
  const error = await failureOf(pollUntil("x", hang, { budgetMs: 50 }));
  expect(performance.now() - started).toBeLessThan(500);
  expect(error.message).toContain("the first try has not ended");
  expect(released).toBe(true);
});

test("a probe can end the wait at once", async () => {
  const wait = pollUntil("x", ({ fail }) => fail(new Error("hopeless")), { budgetMs: 60_000 });
  await expect(wait).rejects.toThrow(/^hopeless$/);
});

test("an abort ends the wait with its reason", async () => {
  const wait = pollUntil("x", () => undefined, { budgetMs: 60_000, signal: AbortSignal.abort(new Error("Ctrl-C")) });
  await expect(wait).rejects.toThrow("Ctrl-C");
});

test("a process that dies ends the wait at once, with its exit code and the tail of its log", async () => {
  await using directory = await temporaryDirectory();
  const program = `for (let i = 0; i < 30; i++) console.log("line", i); process.exit(7)`;
  await using died = await nodeProgram(directory.path, program);
  const started = performance.now();
  const wait = Wait.port("127.0.0.1", 1).wait({ process: died, budgetMs: 60_000 });
  const error = await failureOf(wait);
  expect(performance.now() - started).toBeLessThan(5000);
  expect(error.code).toBe("NODE_DIED");
  expect(error.message).toMatch(/^NODE_DIED: program died while we waited for: 127\.0\.0\.1:1 accepts connections\n/);
  expect(error.message).toContain("found: exit code 7; last observed: connect ECONNREFUSED 127.0.0.1:1");
  expect(error.message).toContain(`log: ${died.logPath}`);
  expect(error.message).toContain("    | line 10\n");
  expect(error.message).not.toContain("    | line 9\n");
});

test.runIf(existsSync("/dev/full"))("a process that dies of a full disk is called so", async () => {
  await using directory = await temporaryDirectory();
  await using died = await nodeProgram(directory.path, `require("fs").writeFileSync("/dev/full", "x")`);
  const error = await failureOf(Wait.port("127.0.0.1", 1).wait({ process: died, budgetMs: 10_000 }));
  expect(error.code).toBe("DISK_FULL");
});

test("a process that lives but never gets ready is NODE_NOT_READY, with its log's tail", async () => {
  await using directory = await temporaryDirectory();
  const program = `console.log("starting up"); setInterval(() => undefined, 1000)`;
  await using slow = await nodeProgram(directory.path, program);
  await Wait.log(slow.logPath, /starting/).wait({ process: slow, budgetMs: 5000 });
  const error = await failureOf(Wait.log(slow.logPath, /ready/).wait({ process: slow, budgetMs: 50 }));
  expect(error.message).toMatch(/^NODE_NOT_READY: program: waited 50 ms in vain for: a line of .* matches \/ready\/\n/);
  expect(error.message).toContain("last observed: last line: starting up");
  expect(error.message).toContain("    | starting up");
});

test("http waits for the status, and keeps what it saw", async () => {
  let tries = 0;
  await using server = await serve((_request, response) => response.writeHead(++tries < 4 ? 503 : 200).end("body"));
  await Wait.http(server.url).wait({ budgetMs: 5000 });
  expect(tries).toBe(4);
  await Wait.http(server.url, { status: [200, 204] }).wait({ budgetMs: 1000 });
  const error = await failureOf(Wait.http(server.url, { status: 404 }).wait({ budgetMs: 50 }));
  expect(error.message).toContain(`GET ${server.url} answers 404`);
  expect(error.message).toContain("last observed: HTTP 200");
});

test("http asks again where a server accepts and never answers", async () => {
  let tries = 0;
  await using server = await serve((_request, response) => (++tries === 1 ? undefined : response.end()));
  await Wait.http(server.url, { tryMs: 50 }).wait({ budgetMs: 5000 });
  expect(tries).toBe(2);
});

test("http sends its headers and never quotes them", async () => {
  await using server = await serve((request, response) =>
    response.writeHead(request.headers.authorization === "Bearer s3cret" ? 200 : 401).end(),
  );
  const headers = { authorization: "Bearer s3cret" };
  await Wait.http(server.url, { headers }).wait({ budgetMs: 1000 });
  const error = await failureOf(Wait.http(server.url, { headers, status: 500 }).wait({ budgetMs: 30 }));
  expect(error.message).not.toContain("s3cret");
});

test("log counts only what this start of the process writes, and finds a line that comes in two pieces", async () => {
  await using directory = await temporaryDirectory();
  await using first = await nodeProgram(directory.path, `console.log("ready 1")`);
  await first.exited;
  const halves = `process.stdout.write("rea"); setTimeout(() => console.log("dy 2"), 60); setInterval(() => undefined, 1000)`;
  await using second = await nodeProgram(directory.path, halves);
  const early = await failureOf(Wait.log(second.logPath, /ready 1/g).wait({ process: second, budgetMs: 30 }));
  expect(early.code).toBe("NODE_NOT_READY");
  await Wait.log(second.logPath, /^ready 2$/).wait({ process: second, budgetMs: 5000 });
  await Wait.log(join(directory.path, "program.log"), /ready 1/).wait({ budgetMs: 1000 });
});

test("lsn waits for a position to be reached", async () => {
  let position = 0n;
  await Wait.lsn("last_record_lsn", () => (position += 0x10n), 0x30n).wait({ budgetMs: 1000 });
  expect(position).toBe(0x30n);
  const error = await failureOf(Wait.lsn("last_record_lsn", () => 1n, 2n).wait({ budgetMs: 30 }));
  expect(error.message).toMatch(/last_record_lsn reaches 0\/2\n.*last observed: 0\/1/);
});

test("all waits for each, and the first that fails ends the others", async () => {
  await using server = await serve((_request, response) => response.end());
  const url = new URL(server.url);
  await Wait.all(Wait.http(server.url), Wait.port(url.hostname, Number(url.port))).wait({ budgetMs: 2000 });
  let others = 0;
  const failing = { name: "failing", wait: () => Promise.reject(new Error("first")) };
  const counting = Wait.lsn("never", () => BigInt(-(++others - others)), 1n);
  await expect(Wait.all(failing, counting).wait({ budgetMs: 60_000 })).rejects.toThrow("first");
  const seen = others;
  await expect(pollUntil("time passes", () => undefined, { budgetMs: 60 })).rejects.toThrow("WAIT_TIMEOUT");
  expect(others - seen).toBeLessThanOrEqual(1);
});

import { networkInterfaces } from "node:os";
import { afterEach, expect, test } from "vitest";

import { TenantId, TimelineId } from "../types";
import {
  PagestreamClient,
  PgError,
  PgServer,
  SlowReader,
  decodePagestreamRequest,
  encodePagestreamResponse,
} from "./index";
import type { PagestreamResponse, PagestreamVersion, PgServerConnection, PgServerHandler } from "./index";

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const tenantId = TenantId.generate();
const timelineId = TimelineId.generate();
const rel = { spcNode: 1663, dbNode: 5, relNode: 1259, forkNum: 0 };

/** A small page service: pages are filled with the block's number; it waits for its writes before it reads on. */
async function servePages(conn: PgServerConnection, sql: string): Promise<void> {
  const match = /^pagestream_v([23]) ([0-9a-f]{32}) ([0-9a-f]{32})$/.exec(sql);
  if (match?.[2] !== tenantId) throw new PgError("not found");
  const version = Number(match[1]) as PagestreamVersion;
  const stream = conn.startCopyBoth();
  for await (const payload of stream) {
    const request = decodePagestreamRequest(version, payload);
    let answer: PagestreamResponse = { kind: "error", message: "Read error" };
    if (request.kind === "test") answer = { kind: "test", batchKey: request.batchKey, message: request.message };
    if (request.kind === "getpage") answer = { kind: "getpage", page: Buffer.alloc(8192, request.blkno) };
    if (!stream.write(encodePagestreamResponse(version, request, answer))) await stream.drained();
  }
}

/** Takes every request and answers none. */
async function swallow(conn: PgServerConnection): Promise<void> {
  conn.startCopyBoth().onData(() => undefined);
  await new Promise(() => undefined);
}

async function serve(query: PgServerHandler["query"], host = "127.0.0.1"): Promise<PgServer> {
  const server = await PgServer.listen({ host, port: 0, handler: { query } });
  cleanups.push(() => server.close());
  return server;
}

async function openReader(
  server: PgServer,
  more: Partial<Parameters<typeof SlowReader.open>[0]> = {},
): Promise<SlowReader> {
  const reader = await SlowReader.open({ host: "127.0.0.1", port: server.port, tenantId, timelineId, ...more });
  cleanups.push(() => reader.close());
  return reader;
}

test.each([2, 3] as const)(
  "pagestream v%i: many requests under way, answers in order, errors are answers",
  async (version) => {
    const server = await serve(servePages);
    const address = { host: "127.0.0.1", port: server.port, tenantId, timelineId, version };
    const client = await PagestreamClient.connect(address);
    cleanups.push(() => client.close());
    const at = { requestLsn: 23n, notModifiedSince: 23n };
    client.send({ ...at, kind: "getpage", rel, blkno: 99 });
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, blkno) => client.request({ ...at, kind: "getpage", rel, blkno })),
    );
    answers.forEach((answer, blkno) => {
      if (answer.kind !== "getpage") throw new Error(`found ${answer.kind}`);
      expect(answer.page.equals(Buffer.alloc(8192, blkno))).toBe(true);
    });
    expect(await client.request({ ...at, kind: "dbsize", dbNode: 5 })).toMatchObject({ message: "Read error" });
    const unanswered = client.request({ ...at, kind: "getpage", rel, blkno: 1 });
    client.close();
    await expect(unanswered).rejects.toMatchObject({ name: "ConnectionError" });
    await expect(client.request({ ...at, kind: "dbsize", dbNode: 5 })).rejects.toMatchObject({
      name: "ConnectionError",
    });
    const stranger = PagestreamClient.connect({ ...address, tenantId: TenantId.generate() });
    await expect(stranger).rejects.toThrow("not found");
  },
);

test.each(["test", "getpage"] as const)(
  "a pipe is filled with %s messages, and the server's end of it ends",
  async (kind) => {
    const server = await serve(servePages);
    const reader = await openReader(server, { kind, blockedForMs: 300, stalledForMs: 300 });
    const facts = await reader.fillPipe({ budgetMs: 10_000 });
    expect(facts.bytesSent).toBeGreaterThan(64 * 1024);
    expect(facts.messagesSent).toBeGreaterThan(0);
    expect(facts.stalledForMs).toBeGreaterThanOrEqual(300);
    const [connection] = server.connections;
    expect(connection?.socket.writableLength).toBeGreaterThan(0);
    const start = performance.now();
    await server.close();
    await reader.connectionLost;
    expect(performance.now() - start).toBeLessThan(1000);
    await expect(reader.fillPipe({ budgetMs: 1000 })).rejects.toThrow(/before the pipe was full/);
  },
);

const hasIpv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === "::1"));

test.runIf(hasIpv6)("where the queues can't be seen, a clock tells when the pipe is full", async () => {
  const server = await serve(servePages, "::1");
  const reader = await openReader(server, { host: "::1", blockedForMs: 60_000, stalledForMs: 300 });
  expect((await reader.fillPipe({ budgetMs: 10_000 })).stalledForMs).toBeGreaterThanOrEqual(300);
});

test("a server that drains the pipe is reported, with what was sent", async () => {
  const server = await serve(swallow);
  const reader = await openReader(server, { stalledForMs: 300 });
  const filled = reader.fillPipe({ budgetMs: 200 });
  await expect(filled).rejects.toThrow(/is not blocked although nobody reads its answers: \d+ messages/);
});

test.runIf(process.platform === "linux")(
  "a server that hangs before it answers is not taken for a full pipe",
  async () => {
    const server = await serve(async (conn) => {
      conn.startCopyBoth().pause();
      await new Promise(() => undefined);
    });
    const reader = await openReader(server, { blockedForMs: 100, stalledForMs: 100 });
    await expect(reader.fillPipe({ budgetMs: 1_000 })).rejects.toThrow(
      /last progress \d{3} ms ago; .*full queues for 100 ms, found \d{4,} bytes of requests on their way, \d{4,} unread; 0 bytes of answers/,
    );
  },
);

test("a server that closes meanwhile is reported", async () => {
  const server = await serve(servePages);
  const reader = await openReader(server, { blockedForMs: 60_000, stalledForMs: 60_000 });
  const filled = reader.fillPipe({ budgetMs: 10_000 });
  setTimeout(() => [...server.connections][0]?.destroy(), 100);
  await expect(filled).rejects.toThrow(/before the pipe was full/);
});

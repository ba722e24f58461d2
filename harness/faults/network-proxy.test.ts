import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MockS3 } from "../storage/mock-s3/mock-s3";
import { SmallS3Client } from "../storage/s3/client";
import { NetworkProxy } from "./network-proxy";

/** Sends back what it gets, and remembers it. */
let server: Server;
let received: Buffer[];
let proxy: NetworkProxy;
const clients: Socket[] = [];

beforeEach(async () => {
  received = [];
  server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      received.push(chunk);
      socket.write(chunk);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await NetworkProxy.start({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.close();
  server.close();
});

async function client(): Promise<Socket> {
  const socket = connect(proxy.port, "127.0.0.1");
  clients.push(socket);
  await once(socket, "connect");
  return socket;
}

/** Writes, waits for as many bytes, and says what they were and how long it took. */
async function echo(socket: Socket, bytes: Buffer | string): Promise<{ text: string; ms: number }> {
  const started = performance.now();
  socket.write(bytes);
  let answer = Buffer.alloc(0);
  while (answer.length < Buffer.byteLength(bytes)) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    answer = Buffer.concat([answer, chunk]);
  }
  return { text: answer.toString(), ms: performance.now() - started };
}

test("a good network: bytes arrive as they are, many connections, both ends close", async () => {
  const large = "0123456789".repeat(300_000);
  const socket = await client();
  expect((await echo(socket, "hello")).text).toBe("hello");
  expect((await echo(socket, large)).text === large).toBe(true);
  expect((await echo(await client(), "another")).text).toBe("another");
  socket.end();
  await once(socket, "close");
  expect(proxy.connections).toBe(2);
});

test("latency, in one direction and in both", async () => {
  const socket = await client();
  proxy.set({ latencyMs: 100 }, "up");
  expect((await echo(socket, "x")).ms).toBeGreaterThan(95);
  proxy.set({ latencyMs: 100 });
  expect((await echo(socket, "x")).ms).toBeGreaterThan(190);
  proxy.heal();
  expect((await echo(socket, "x")).ms).toBeLessThan(95);
});

test("bandwidth", async () => {
  proxy.set({ bytesPerSecond: 1_000_000 }, "up");
  expect((await echo(await client(), Buffer.alloc(300_000))).ms).toBeGreaterThan(280);
});

test("one way: what is sent doesn't arrive, and comes when the network is good again", async () => {
  const socket = await client();
  await echo(socket, "before");
  proxy.block("up");
  const answered = echo(socket, "blocked");
  await expect.poll(() => socket.bytesWritten).toBe("beforeblocked".length);
  expect(Buffer.concat(received).toString()).toBe("before");
  proxy.heal();
  expect((await answered).text).toBe("blocked");
});

test("the other way: it arrives, and the answer doesn't come", async () => {
  const socket = await client();
  proxy.block("down");
  const answered = echo(socket, "question");
  await expect.poll(() => Buffer.concat(received).toString()).toBe("question");
  expect(socket.bytesRead).toBe(0);
  proxy.heal();
  expect((await answered).text).toBe("question");
});

test("cut: connections are reset, new ones too, until it heals", async () => {
  const socket = await client();
  await echo(socket, "before");
  const broken = once(socket, "error");
  proxy.cut();
  expect((await broken)[0]).toMatchObject({ code: "ECONNRESET" });
  const refused = connect(proxy.port, "127.0.0.1");
  clients.push(refused);
  refused.write("x");
  expect((await once(refused, "error"))[0]).toMatchObject({ code: "ECONNRESET" });
  proxy.heal();
  expect((await echo(await client(), "after")).text).toBe("after");
});

test("cut while something is blocked or on its way", async () => {
  const socket = await client();
  proxy.block("up");
  socket.write("blocked");
  await expect.poll(() => socket.bytesWritten).toBe(7);
  const broken = once(socket, "error");
  proxy.cut();
  await broken;
  expect(received).toEqual([]);
});

test("what stands behind is gone: so is the connection", async () => {
  const socket = await client();
  await echo(socket, "x");
  server.close();
  const nobody = await NetworkProxy.start({ host: "127.0.0.1", port: await freedPort() });
  const lonely = connect(nobody.port, "127.0.0.1");
  clients.push(lonely);
  expect((await once(lonely, "error"))[0]).toMatchObject({ code: "ECONNRESET" });
  await nobody.close();
});

async function freedPort(): Promise<number> {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  holder.close();
  await once(holder, "close");
  return port;
}

describe("between a node and its storage", () => {
  test("requests are signed for the proxy's address, wait while it blocks, and fail while it is cut", async () => {
    await using s3 = await MockS3.start({ buckets: ["bucket"] });
    await using network = await NetworkProxy.start({ host: "127.0.0.1", port: Number(new URL(s3.endpoint).port) });
    const endpoint = `http://127.0.0.1:${network.port}`;
    const access = { endpoint, region: s3.region, bucket: "bucket", ...s3.keys, sessionToken: undefined };
    const storage = new SmallS3Client(access, { timeoutMs: 10_000, concurrency: 4 });
    await storage.put("key", Buffer.from("x"));
    network.block("up");
    const waiting = storage.get("key");
    await expect(Promise.race([waiting, once(AbortSignal.timeout(200), "abort")])).resolves.toMatchObject([{}]);
    network.heal();
    expect((await waiting)?.toString()).toBe("x");
    network.cut();
    await expect(storage.get("key")).rejects.toThrow("ECONNRESET");
    storage.close();
  });
});

import { once } from "node:events";
import net from "node:net";
import { afterEach, expect, test } from "vitest";

import { frame } from "./backend-messages";
import { PgConnection, PgError, PgServer } from "./index";
import type { CopyBothStream, PgServerHandler } from "./index";
import { encodeStartupPacket } from "./startup-packet";
import { sleep } from "../wait";

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function serve(handler: PgServerHandler): Promise<PgServer> {
  const server = await PgServer.listen({ host: "127.0.0.1", port: 0, handler });
  cleanups.push(() => server.close());
  return server;
}

async function connect(server: PgServer, password?: string): Promise<PgConnection> {
  const connection = await PgConnection.connect({ host: "127.0.0.1", port: server.port, password });
  cleanups.push(() => connection.destroy());
  return connection;
}

const echo: PgServerHandler = {
  async query(conn, sql) {
    if (sql === "boom") throw new PgError("not found", "57014");
    if (sql === "bug") throw new TypeError("x is not a function");
    if (sql === "leave") throw new PgError("reconnect", "08006", { closeAfter: true });
    conn.sendRows(["sql", "null"], [[sql, null]]);
  },
};

async function elapsed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

test("a query, an error with its code, and the next query on the same connection", async () => {
  const client = await connect(await serve(echo));
  expect(await client.query("hello")).toEqual({ columns: ["sql", "null"], rows: [["hello", null]], tag: "SELECT 1" });
  await expect(client.query("boom")).rejects.toMatchObject({ name: "PgError", message: "not found", code: "57014" });
  await expect(client.query("bug")).rejects.toMatchObject({ code: "XX000", message: "x is not a function" });
  const [first, second] = await Promise.all([client.query("one"), client.query("two")]);
  expect([first.rows[0]?.[0], second.rows[0]?.[0]]).toEqual(["one", "two"]);
  expect(client.serverParameters.get("server_version")).toBe("14.1");
});

test("an error that closes, and a client that says good-bye", async () => {
  const server = await serve(echo);
  const client = await connect(server);
  await expect(client.query("leave")).rejects.toThrow("reconnect");
  await expect(client.query("after")).rejects.toMatchObject({ name: "ConnectionError" });
  const polite = await connect(server);
  await polite.end();
  expect(polite.closed.aborted).toBe(true);
  await expect.poll(() => server.connections.size).toBe(0);
});

test("nobody listens: the error names the address", async () => {
  const server = await PgServer.listen({ host: "127.0.0.1", port: 0, handler: echo });
  const { port } = server;
  await server.close();
  const refused = PgConnection.connect({ host: "127.0.0.1", port });
  await expect(refused).rejects.toThrow(`cannot connect to 127.0.0.1:${port}: ECONNREFUSED`);
});

test("a server that says nothing: connecting ends with its time limit, and with its signal", async () => {
  const mute = net.createServer().listen(0, "127.0.0.1");
  await once(mute, "listening");
  cleanups.push(() => void mute.close());
  const { port } = mute.address() as net.AddressInfo;
  const slow = PgConnection.connect({ host: "127.0.0.1", port, timeoutMs: 100 });
  await expect(slow).rejects.toThrow(/did not finish the handshake within 100 ms/);
  const aborted = PgConnection.connect({ host: "127.0.0.1", port, signal: AbortSignal.timeout(50) });
  await expect(aborted).rejects.toMatchObject({ name: "ConnectionError" });
});

test("a password is asked for, refused and accepted; startup parameters arrive", async () => {
  const server = await serve({
    ...echo,
    async authenticate(conn, password) {
      if ((await password()) !== "jwt") throw new PgError("JWT authentication error", "28000");
      expect(conn.parameters.get("user")).toBe("cloud_admin");
    },
  });
  await expect(connect(server, "other")).rejects.toThrow("JWT authentication error");
  await expect(connect(server)).rejects.toThrow(/asks for a password of user "cloud_admin"/);
  expect((await (await connect(server, "jwt")).query("in")).rows).toEqual([["in", null]]);
});

test("encryption is declined, extended queries are refused until Sync, then all goes on", async () => {
  const server = await serve(echo);
  const socket = net.connect(server.port, "127.0.0.1");
  cleanups.push(() => void socket.destroy());
  let received = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
  socket.write(Buffer.from("0000000804d2162f", "hex"));
  await expect.poll(() => received.toString()).toBe("N");
  socket.write(Buffer.from("0000000804d21630", "hex"));
  await expect.poll(() => received.toString()).toBe("NN");
  socket.write(encodeStartupPacket(new Map([["user", "u"]])));
  await expect.poll(() => received.includes("Z")).toBe(true);
  received = Buffer.alloc(0);
  socket.write(Buffer.concat([frame("P", Buffer.from("\0x\0\0\0")), frame("B"), frame("E"), frame("S")]));
  await expect.poll(() => received.subarray(-6).toString("hex")).toBe("5a0000000549");
  expect(received.toString().match(/extended query protocol is not supported/g)).toHaveLength(1);
  socket.write(frame("Q", Buffer.from("still here\0")));
  await expect.poll(() => received.toString()).toContain("still here");
});

test("garbage instead of a startup packet closes that connection only", async () => {
  const server = await serve(echo);
  const socket = net.connect(server.port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\n\r\n"));
  const startup = net.connect(server.port, "127.0.0.1", () => startup.write(Buffer.from("0000000900030000ff", "hex")));
  socket.on("error", () => undefined).resume();
  startup.on("error", () => undefined).resume();
  await Promise.all([once(socket, "close"), once(startup, "close")]);
  expect((await (await connect(server)).query("alive")).rows).toHaveLength(1);
});

test("copy out brings everything in order, fails in the middle, and the connection goes on", async () => {
  const server = await serve({
    async query(conn, sql) {
      if (sql === "ping") return conn.sendRows(["x"], [["pong"]]);
      const copy = conn.startCopyOut();
      for (let at = 0; at < 300; at += 1) {
        if (sql === "half" && at === 150) throw new PgError("layer is gone");
        if (!copy.write(Buffer.alloc(at * 100, at))) await copy.drained();
      }
      copy.finish();
      conn.sendCommandComplete("SELECT 1");
    },
  });
  const client = await connect(server);
  const count = async (sql: string): Promise<number> => {
    let next = 0;
    for await (const payload of client.copyOut(sql)) {
      expect(payload.equals(Buffer.alloc(next * 100, next))).toBe(true);
      next += 1;
    }
    return next;
  };
  expect(await count("whole")).toBe(300);
  await expect(count("half")).rejects.toThrow("layer is gone");
  expect((await client.query("ping")).rows).toEqual([["pong"]]);
  for await (const payload of client.copyOut("left early")) if (payload.length > 0) break;
  await expect(client.query("ping")).rejects.toMatchObject({ name: "ConnectionError" });
});

test("a copy out that is cut off is an error, never a short result", async () => {
  const server = await serve({
    async query(conn) {
      conn.startCopyOut().write(Buffer.from("begin"));
      setImmediate(() => conn.destroy());
      await new Promise(() => undefined);
    },
  });
  const client = await connect(server);
  const read = async (): Promise<void> => {
    for await (const payload of client.copyOut("x")) expect(payload.toString()).toBe("begin");
  };
  await expect(read()).rejects.toMatchObject({ name: "ConnectionError" });
});

/** Answers every payload by itself, until the client is done or sends "fail". */
async function echoCopyBoth(stream: CopyBothStream): Promise<void> {
  for await (const payload of stream) {
    if (payload.toString() === "fail") throw new PgError("invalid tag 77");
    if (!stream.write(payload)) await stream.drained();
  }
  stream.finish();
}

const echoBoth: PgServerHandler = {
  async query(conn, sql) {
    if (sql === "ping") return conn.sendRows(["x"], [["pong"]]);
    await echoCopyBoth(conn.startCopyBoth());
    conn.sendCommandComplete("COPY 0");
  },
};

test("copy both: 30 MB there and back, a clean end on both sides, and the connection goes on", async () => {
  const client = await connect(await serve(echoBoth));
  const stream = await client.copyBoth("go");
  const payload = Buffer.alloc(100_000);
  for (let at = 0; at < payload.length; at += 1) payload[at] = at % 251;
  let received = 0;
  const reading = (async (): Promise<void> => {
    for await (const back of stream) {
      if (!back.equals(payload)) throw new Error("the payload changed on its way");
      received += 1;
    }
  })();
  for (let sent = 0; sent < 300; sent += 1) if (!stream.write(payload)) await stream.drained();
  stream.finish();
  await reading;
  expect(received).toBe(300);
  expect(stream.peerFinished).toBe(true);
  expect((await client.query("ping")).rows).toEqual([["pong"]]);
});

test("copy both: the server's error comes out of the iteration, and the connection goes on", async () => {
  const client = await connect(await serve(echoBoth));
  const stream = await client.copyBoth("go");
  stream.write(Buffer.from("one"));
  stream.write(Buffer.from("fail"));
  stream.write(Buffer.from("too late"));
  const received: string[] = [];
  const read = async (): Promise<void> => {
    for await (const payload of stream) received.push(payload.toString());
  };
  await expect(read()).rejects.toMatchObject({ name: "PgError", message: "invalid tag 77" });
  expect(received).toEqual(["one"]);
  await stream.ended;
  expect((await client.query("ping")).rows).toEqual([["pong"]]);
});

test("onData takes what waited first, and pause and resume lose and reorder nothing", async () => {
  const total = 3000;
  const server = await serve({
    async query(conn) {
      const stream = conn.startCopyBoth();
      for (let at = 0; at < total; at += 1) {
        if (!stream.write(Buffer.alloc(1 + (at % 3000), String(at)))) await stream.drained();
      }
      stream.finish();
      await stream.ended;
    },
  });
  const client = await connect(server);
  const stream = await client.copyBoth("go");
  let received = 0;
  await sleep(30);
  stream.onData((payload) => {
    if (!payload.equals(Buffer.alloc(1 + (received % 3000), String(received)))) throw new Error("out of order");
    received += 1;
    if (received % 100 !== 0) return;
    stream.pause();
    setImmediate(() => stream.resume());
  });
  await stream.ended;
  expect(received).toBe(total);
  expect(stream.error).toBeUndefined();
});

test("pausing after the peer has finished neither loses data nor blocks the connection", async () => {
  const server = await serve({
    async query(conn, sql) {
      if (sql === "ping") return conn.sendRows(["x"], [["pong"]]);
      const stream = conn.startCopyBoth();
      for (const text of ["one", "two", "three"]) stream.write(Buffer.from(text));
      stream.finish();
      await stream.ended;
      conn.sendCommandComplete("COPY 0");
    },
  });
  const client = await connect(server);
  const stream = await client.copyBoth("go");
  await stream.ended;
  const received: string[] = [];
  stream.onData((payload) => {
    received.push(payload.toString());
    stream.pause();
  });
  expect(received).toEqual(["one"]);
  expect((await client.query("ping")).rows).toEqual([["pong"]]);
  stream.resume();
  stream.resume();
  expect(received).toEqual(["one", "two", "three"]);
});

/** Writes 64 MiB as fast as the client takes it. */
function flood(): { handler: PgServerHandler; state: { sawFull: boolean; written: number; failure?: unknown } } {
  const state: { sawFull: boolean; written: number; failure?: unknown } = { sawFull: false, written: 0 };
  const query: PgServerHandler["query"] = async (conn) => {
    const stream = conn.startCopyBoth();
    try {
      for (; state.written < 1024; state.written += 1) {
        if (stream.write(Buffer.alloc(64 * 1024))) continue;
        state.sawFull = true;
        await stream.drained();
      }
    } catch (error) {
      state.failure = error;
    }
  };
  return { handler: { query }, state };
}

test("a client that does not read blocks the writer, and destroying its connection ends all at once", async () => {
  const { handler, state } = flood();
  const server = await serve(handler);
  const client = await connect(server);
  const stream = await client.copyBoth("go");
  stream.pause();
  await expect.poll(() => state.sawFull).toBe(true);
  await sleep(100);
  const stuckAt = state.written;
  await sleep(100);
  expect(state.written).toBe(stuckAt);
  expect(stuckAt).toBeLessThan(1024);

  const [connection] = server.connections;
  expect(connection?.socket.writableLength).toBeGreaterThan(0);
  const took = await elapsed(async () => {
    connection?.destroy(new Error("tenant is detached"));
    await expect.poll(() => state.failure).toMatchObject({ name: "ConnectionError" });
    await expect.poll(() => server.connections.size).toBe(0);
  });
  expect(took).toBeLessThan(1000);
  expect(connection?.closed.reason).toMatchObject({ message: expect.stringContaining("tenant is detached") });
});

test("the server closes promptly although a client does not read", async () => {
  const { handler, state } = flood();
  const server = await serve(handler);
  const stream = await (await connect(server)).copyBoth("go");
  stream.pause();
  await expect.poll(() => state.sawFull).toBe(true);
  expect(await elapsed(() => server.close())).toBeLessThan(1000);
  await expect.poll(() => state.failure).toMatchObject({ name: "ConnectionError" });
});

test("a server that does not iterate blocks the writing client", async () => {
  const server = await serve({
    async query(conn) {
      conn.startCopyBoth();
      await once(conn.closed, "abort");
    },
  });
  const client = await connect(server);
  const stream = await client.copyBoth("go");
  let sent = 0;
  while (sent < 1024 && stream.write(Buffer.alloc(64 * 1024))) sent += 1;
  const drained = stream.drained().then(
    () => "drained",
    (error: Error) => error.name,
  );
  // Whatever the kernel takes is little; the rest must stay here until the connection ends.
  for (let more = 0; more < 512; more += 1) stream.write(Buffer.alloc(64 * 1024));
  await sleep(100);
  expect(stream.writableLength).toBeGreaterThan(8 * 1024 * 1024);
  client.destroy();
  expect(await drained).toBe("ConnectionError");
});

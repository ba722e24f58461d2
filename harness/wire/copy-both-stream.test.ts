import { afterEach, expect, test } from "vitest";

import { PgConnection, PgServer } from "./index";
import type { CopyBothStream, PgServerConnection } from "./index";
import { sleep } from "../wait";

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A client's stream whose payloads `onStream` gets on the server's side. */
async function streamTo(onStream: (stream: CopyBothStream) => Promise<void>): Promise<CopyBothStream> {
  const handler = { query: (conn: PgServerConnection) => onStream(conn.startCopyBoth()) };
  const server = await PgServer.listen({ host: "127.0.0.1", port: 0, handler });
  cleanups.push(() => server.close());
  const connection = await PgConnection.connect({ host: "127.0.0.1", port: server.port });
  cleanups.push(() => connection.destroy());
  return await connection.copyBoth("go");
}

test("a taker gets what comes while the reader waits, the reader the rest; nothing changes its order", async () => {
  const seen: string[] = [];
  const client = await streamTo(async (stream) => {
    stream.offer((payload) => {
      if (payload.toString() === "5") return false;
      seen.push(`taken ${payload.toString()}`);
      return true;
    });
    for await (const payload of stream) {
      await sleep(20);
      seen.push(`read ${payload.toString()}`);
    }
    stream.finish();
  });
  for (let n = 0; n < 8; n += 1) client.write(Buffer.from(String(n)));
  const taken = Array.from({ length: 5 }, (_, n) => `taken ${n}`);
  await expect.poll(() => seen).toEqual([...taken, "read 5", "read 6", "read 7"]);
  client.write(Buffer.from("8"));
  client.finish();
  await client.ended;
  expect(seen.at(-1)).toBe("taken 8");
});

test("what a taker throws reaches the reader, and nothing is taken after it", async () => {
  const seen: string[] = [];
  let thrown: unknown;
  const client = await streamTo(async (stream) => {
    stream.offer((payload) => {
      if (payload.toString() === "bad") throw new Error("a bad payload");
      seen.push(payload.toString());
      return true;
    });
    try {
      for await (const payload of stream) seen.push(payload.toString());
    } catch (error) {
      thrown = error;
    }
    stream.finish();
  });
  for (const text of ["good", "bad", "late"]) client.write(Buffer.from(text));
  client.finish();
  await client.ended;
  expect(thrown).toMatchObject({ message: "a bad payload" });
  expect(seen).toEqual(["good"]);
});

test("bytes that are read into one buffer come whole and in order, and messages before them keep their own", async () => {
  const size = 300;
  const payloads = Array.from({ length: 50 }, (_, n) => Buffer.alloc(size, n));
  const query = async (conn: PgServerConnection, sql: string): Promise<void> => {
    if (sql === "rows") return conn.sendRows(["n"], [["first"], ["x".repeat(1000)], ["last"]]);
    if (sql === "copy") {
      const out = conn.startCopyOut();
      for (let n = 0; n < 50; n += 1) out.write(Buffer.from(`line ${n}`));
      out.finish();
      return conn.sendCommandComplete("COPY 50");
    }
    const stream = conn.startCopyBoth();
    stream.onData(() => payloads.forEach((payload) => stream.write(payload)));
    await stream.ended;
  };
  const server = await PgServer.listen({ host: "127.0.0.1", port: 0, handler: { query } });
  cleanups.push(() => server.close());
  const connection = await PgConnection.connect({ host: "127.0.0.1", port: server.port, readBufferBytes: 64 });
  cleanups.push(() => connection.destroy());
  const results = await Promise.all([connection.query("rows"), connection.query("rows")]);
  for (const { rows } of results) expect(rows).toEqual([["first"], ["x".repeat(1000)], ["last"]]);
  const lines: Buffer[] = [];
  for await (const payload of connection.copyOut("copy")) {
    lines.push(payload);
    // Whoever reads slowly finds the later ones waiting.
    await sleep(1);
  }
  expect(lines.map(String)).toEqual(Array.from({ length: 50 }, (_, n) => `line ${n}`));
  const stream = await connection.copyBoth("go");
  const chunks: Buffer[] = [];
  stream.onBytes((chunk) => {
    expect(chunk.length).toBeLessThanOrEqual(64);
    chunks.push(Buffer.from(chunk));
  });
  stream.write(Buffer.from("send"));
  const head = Buffer.from([0x64, 0, 0, 0, 0]);
  head.writeUInt32BE(size + 4, 1);
  const wanted = Buffer.concat(payloads.flatMap((payload) => [head, payload]));
  await expect.poll(() => Buffer.concat(chunks).length).toBe(wanted.length);
  expect(Buffer.concat(chunks).equals(wanted)).toBe(true);
});

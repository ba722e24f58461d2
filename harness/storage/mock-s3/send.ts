import type { ServerResponse } from "node:http";
import { sleep } from "../../wait/sleep";
import type { S3FaultEffect } from "./faults";
import type { Reply } from "./operations/call";
import { slicesOf } from "./operations/segments";
import type { Store } from "./state/store";

interface SendOptions {
  isHead: boolean;
  store: Store;
  effects: readonly S3FaultEffect[];
}

/** Sends an answer; resolves when the last byte is handed over or the client is gone. */
export async function send(response: ServerResponse, reply: Reply, options: SendOptions): Promise<void> {
  const { body } = reply;
  if (typeof body === "string") {
    const bytes = Buffer.from(body);
    response.writeHead(reply.status, { ...reply.headers, "content-length": bytes.length });
    response.end(options.isHead ? undefined : bytes);
    return;
  }
  const hasNoLength = body === undefined && reply.status !== 204 && reply.status !== 304;
  response.writeHead(reply.status, hasNoLength ? { ...reply.headers, "content-length": 0 } : reply.headers);
  if (body === undefined || options.isHead) {
    response.end();
    return;
  }
  // Whoever deletes the object meanwhile doesn't take its bytes from us.
  options.store.hold(body.segments);
  try {
    if (options.effects.length > 0) response.flushHeaders();
    for await (const chunk of shape(bytesOf(options.store, body), options.effects)) {
      if (response.destroyed) return;
      if (!response.write(chunk)) await drained(response);
    }
  } finally {
    options.store.release(body.segments);
  }
  response.end();
}

async function* bytesOf(store: Store, body: Exclude<Reply["body"], string | undefined>): AsyncGenerator<Buffer> {
  for (const { blob, start, end } of slicesOf(body.segments, body)) {
    const bytes = store.blobs.read(blob, start, end);
    if (Buffer.isBuffer(bytes)) yield bytes;
    else yield* bytes;
  }
}

/** The bytes as the faults let them through; a body that they truncate ends with an error, which cuts the connection. */
async function* shape(bytes: AsyncGenerator<Buffer>, effects: readonly S3FaultEffect[]): AsyncGenerator<Buffer> {
  let left = Infinity;
  let bytesPerSecond = Infinity;
  for (const effect of effects) {
    if (effect.kind === "truncate") left = Math.min(left, effect.bytes);
    if (effect.kind === "slow") bytesPerSecond = Math.min(bytesPerSecond, effect.bytesPerSecond);
  }
  const step = bytesPerSecond === Infinity ? Infinity : Math.max(1, Math.floor(bytesPerSecond / 10));
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + Math.min(step, left));
      if (bytesPerSecond !== Infinity) await sleep((piece.length / bytesPerSecond) * 1000);
      if (piece.length > 0) yield piece;
      at += piece.length;
      left -= piece.length;
      if (left <= 0 && at < chunk.length) throw new Error("a fault truncates the body");
    }
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off("drain", go);
      response.off("close", go);
      resolve();
    };
    response.on("drain", go);
    response.on("close", go);
  });
}

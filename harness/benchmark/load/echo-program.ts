import { encodePagestreamResponse, PAGE_SIZE, PgServer } from "../../wire";
import type { PgServerConnection } from "../../wire";

/**
 * A page service that has one page and gives it to whoever asks: what the load generator reaches with it is what the
 * generator can do. It runs as a process of its own, and says on stdout which port it has.
 */
const VERSION = 3;
const FRAME_HEAD = 5;
/** Tag, then what an answer repeats of its request: number, two LSNs, relation and block. */
const REPEATED = 1 + 8 + 16 + 17;

function answerTemplate(): Buffer {
  const rel = { spcNode: 0, dbNode: 0, relNode: 0, forkNum: 0 };
  const request = { kind: "getpage", rel, blkno: 0, reqid: 0n, requestLsn: 0n, notModifiedSince: 0n } as const;
  const page = Buffer.alloc(PAGE_SIZE, 7);
  const payload = encodePagestreamResponse(VERSION, request as never, { kind: "getpage", page });
  const frame = Buffer.alloc(FRAME_HEAD + payload.length);
  frame[0] = "d".charCodeAt(0);
  frame.writeUInt32BE(payload.length + 4, 1);
  payload.copy(frame, FRAME_HEAD);
  return frame;
}

const template = answerTemplate();
/** Answers that are written at once, with their pages in place: only what they repeat changes. */
const BATCH = 64;
const spare: Buffer[] = [];
const newBatch = (): Buffer => Buffer.concat(Array.from({ length: BATCH }, () => template));

async function serve(connection: PgServerConnection): Promise<void> {
  const stream = connection.startCopyBoth();
  const { socket } = connection;
  let due: Buffer[] = [];
  const writeBatch = (requests: readonly Buffer[]): boolean => {
    const batch = spare.pop() ?? newBatch();
    for (const [index, request] of requests.entries()) {
      request.copy(batch, index * template.length + FRAME_HEAD + 1, 1, REPEATED);
    }
    return socket.write(batch.subarray(0, requests.length * template.length), () => spare.push(batch));
  };
  const write = (): void => {
    const requests = due;
    due = [];
    let hasRoom = true;
    for (let at = 0; at < requests.length; at += BATCH) hasRoom = writeBatch(requests.slice(at, at + BATCH));
    if (hasRoom) return;
    stream.pause();
    stream.drained().then(
      () => stream.resume(),
      () => undefined,
    );
  };
  stream.onData((request) => {
    due.push(request);
    if (due.length === 1) queueMicrotask(write);
  });
  await stream.ended;
}

const server = await PgServer.listen({ host: "127.0.0.1", port: 0, handler: { query: serve } });
process.stdout.write(`listening on ${server.port}\n`);
process.on("SIGTERM", () => void server.close().then(() => process.exit(0)));

import {
  type CopyBothStream,
  decodePagestreamRequest,
  encodePagestreamResponse,
  PgError,
  type PgServerConnection,
  type PagestreamRequest,
  type PagestreamResponse,
  type PagestreamVersion,
} from "../../../wire";
import { failpoint } from "../../service";
import type { Timeline } from "../timeline/timeline";
import { answer, readAtOnce } from "./answer";
import { AnswerBatch } from "./answer-batch";
import type { MaterializedImages } from "./materialized-images";

export interface PagestreamContext {
  readonly connection: PgServerConnection;
  readonly version: PagestreamVersion;
  readonly images: MaterializedImages;
  /** The timeline, on the shard for the request, now; undefined when it is not here. A PgError goes to the client. */
  readonly timeline: (request: PagestreamRequest) => Timeline | undefined;
  /** What the client is told of a timeline that is not here. */
  readonly notFound: string;
}

const FAILPOINTS: Record<PagestreamRequest["kind"], string> = {
  exists: "ps::handle-pagerequest-message::exists",
  nblocks: "ps::handle-pagerequest-message::nblocks",
  getpage: "ps::handle-pagerequest-message::getpage",
  dbsize: "ps::handle-pagerequest-message::dbsize",
  slru: "ps::handle-pagerequest-message::slrusegment",
  test: "ps::handle-pagerequest-message::test",
};

/**
 * Serves one pagestream, answers in the order of the requests. While the client does not take its answers nothing more is read
 * from it, and nobody waits for this function: the socket is destroyed when the timeline has to go.
 */
export async function servePagestream(context: PagestreamContext): Promise<void> {
  const stream = context.connection.startCopyBoth();
  const batch = new AnswerBatch(stream, context.version);
  try {
    await answerAll(context, stream, batch);
  } finally {
    // What comes after it, an error too, has to wait for it.
    batch.send();
  }
  if (stream.peerFinished) throw new PgError("unexpected message: CopyDone during COPY");
}

async function answerAll(context: PagestreamContext, stream: CopyBothStream, batch: AnswerBatch): Promise<void> {
  const { connection, images, version } = context;
  for await (const payload of stream) {
    // What a client asked before it left needs no answer.
    if (connection.closed.aborted) return;
    await failpoint("ps::handle-pagerequest-message");
    const request = decodePagestreamRequest(version, payload);
    const timeline = context.timeline(request);
    if (timeline === undefined) {
      batch.send();
      await respond(context, stream, request, { kind: "error", message: context.notFound });
      continue;
    }
    timeline.sessions.add(connection);
    await failpoint(FAILPOINTS[request.kind], timeline.cancelled);
    // What is written in one turn of the event loop goes to the kernel together.
    if (batch.isEmpty) setImmediate(() => batch.send());
    if (batch.add(payload, (place) => readAtOnce(timeline, images, request, place))) {
      if (stream.isFull && !connection.closed.aborted) await stream.drained();
      continue;
    }
    batch.send();
    await respond(context, stream, request, await answer(timeline, images, request));
  }
}

async function respond(
  context: PagestreamContext,
  stream: CopyBothStream,
  request: PagestreamRequest,
  response: PagestreamResponse,
): Promise<void> {
  if (stream.write(encodePagestreamResponse(context.version, request, response))) return;
  if (!context.connection.closed.aborted) await stream.drained();
}

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
import { answer, answerAtOnce } from "./answer";
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
  for await (const payload of stream) {
    // What a client asked before it left needs no answer.
    if (context.connection.closed.aborted) return;
    await failpoint("ps::handle-pagerequest-message");
    const request = decodePagestreamRequest(context.version, payload);
    const timeline = context.timeline(request);
    if (timeline === undefined) {
      await respond(context, stream, request, { kind: "error", message: context.notFound });
      continue;
    }
    timeline.sessions.add(context.connection);
    await failpoint(FAILPOINTS[request.kind], timeline.cancelled);
    gather(context.connection);
    const response =
      answerAtOnce(timeline, context.images, request) ?? (await answer(timeline, context.images, request));
    await respond(context, stream, request, response);
  }
  if (stream.peerFinished) throw new PgError("unexpected message: CopyDone during COPY");
}

const gathering = new WeakSet<PgServerConnection>();

/** What is written to the client in one turn of the event loop goes to the kernel together. */
function gather(connection: PgServerConnection): void {
  if (gathering.has(connection)) return;
  gathering.add(connection);
  connection.socket.cork();
  setImmediate(() => {
    gathering.delete(connection);
    connection.socket.uncork();
  });
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

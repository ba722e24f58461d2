import { failpoint } from "../../service";
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
import type { Timeline } from "../timeline/timeline";
import { answer } from "./answer";
import type { MaterializedImages } from "./materialized-images";

export interface PagestreamContext {
  readonly connection: PgServerConnection;
  readonly version: PagestreamVersion;
  readonly images: MaterializedImages;
  /** The timeline now; throws with what the client is to be told when it is not here. */
  readonly timeline: () => Timeline;
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
  let served: Timeline | undefined;
  for await (const payload of stream) {
    // What a client asked before it left needs no answer.
    if (context.connection.closed.aborted) return;
    await failpoint("ps::handle-pagerequest-message");
    const request = decodePagestreamRequest(context.version, payload);
    if (served === undefined || served.state === "Stopping") {
      served = await resolve(context, stream, request);
      if (served === undefined) continue;
      served.sessions.add(context.connection);
    }
    await failpoint(FAILPOINTS[request.kind], served.cancelled);
    await respond(context, stream, request, await answer(served, context.images, request));
  }
  if (stream.peerFinished) throw new PgError("unexpected message: CopyDone during COPY");
}

async function resolve(
  context: PagestreamContext,
  stream: CopyBothStream,
  request: PagestreamRequest,
): Promise<Timeline | undefined> {
  try {
    return context.timeline();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    await respond(context, stream, request, { kind: "error", message: `Not found: ${message}` });
    return undefined;
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

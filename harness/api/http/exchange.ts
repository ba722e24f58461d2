import { request } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Readable } from "node:stream";

export interface HttpRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | Readable | undefined;
  /** Budget of the whole exchange in ms. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * One request on a connection of its own: nodes are restarted all the time, and a connection kept from before would
 * fail the first call after that.
 */
export function exchange(what: HttpRequest): Promise<HttpAnswer> {
  const { url, method, headers, signal, timeoutMs } = what;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(reasonOfAbort(signal));
      return;
    }
    const outgoing = request(url, { method, headers, agent: false });
    const onAbort = () => end(reasonOfAbort(signal));
    const timer = setTimeout(() => end(new Error(`no complete answer within ${timeoutMs} ms`)), timeoutMs);
    const release = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    const end = (error: Error) => {
      release();
      outgoing.destroy();
      reject(error);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    outgoing.on("error", end);
    outgoing.once("response", (incoming) => {
      collect(incoming).then((answer) => {
        release();
        resolve(answer);
      }, end);
    });
    if (what.body instanceof Readable) what.body.once("error", end).pipe(outgoing);
    else outgoing.end(what.body);
  });
}

async function collect(incoming: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) };
}

function reasonOfAbort(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error("the call was aborted");
}

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline, Readable } from "node:stream";
import { ApiError, badRequest, internal } from "./api-error";
import { bearerToken, type Claims, type JwtAuth, orForbidden } from "./auth";
import { errorText } from "./errors";
import { jsonText, parseJson } from "./json";
import type { Logger } from "./log";
import { type HttpMethod, Router } from "./router";

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly params: Record<string, string>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly raw: IncomingMessage;
  /** What the caller's token says; undefined where none is asked for. */
  readonly claims: Claims | undefined;
  /** Logs within this request's span. */
  readonly log: Logger;
  /** Aborted when the client leaves before it has its answer. */
  readonly left: AbortSignal;
  /** The whole body as JSON. 400 as Neon words it when it is missing or broken; large integers are bigint. */
  json<T>(): Promise<T>;
  body(): Promise<Buffer>;
}

/**
 * An answer with a status of its own. A Readable is sent as it comes. The body is sent as JSON unless a content type is given: then it is text or bytes,
 * and with "" the answer names no type at all.
 */
export class HttpReply {
  readonly status: number;
  readonly body: unknown;
  readonly contentType: string | undefined;
  readonly headers: Record<string, string>;

  constructor(status: number, body: unknown, contentType?: string, headers: Record<string, string> = {}) {
    this.status = status;
    this.body = body;
    this.contentType = contentType;
    this.headers = headers;
  }
}

export type HttpHandler = (request: HttpRequest) => unknown;

export interface HttpServiceOptions {
  /** The answer for an unknown route; by default the plain text `Not Found` of safekeeper and storage controller. */
  notFound?: HttpReply;
  /** With it, every request needs a token that it accepts, but for those of `openPaths`. */
  auth?: JwtAuth | undefined;
  openPaths?: readonly string[];
  /** Runs before every handler; throws an ApiError to refuse. */
  authorize?: (request: HttpRequest) => void | Promise<void>;
  /** Told of every answer: the route's pattern (undefined where there is none), its status and the seconds it took. */
  onAnswered?: (answered: { method: string; pattern: string | undefined; status: number; seconds: number }) => void;
  /** Headers of every answer. */
  headers?: Record<string, string>;
}

/** How long requests under way may go on after close() before their sockets are cut. */
const CLOSE_GRACE_MS = 500;

async function readBody(raw: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of raw) chunks.push(chunk as Buffer);
  } catch (error) {
    throw badRequest(`request body was cut off: ${errorText(error)}`);
  }
  return Buffer.concat(chunks);
}

async function readJson(raw: IncomingMessage): Promise<unknown> {
  const text = (await readBody(raw)).toString("utf8");
  if (text === "") throw badRequest("missing request body");
  try {
    return parseJson(text);
  } catch (error) {
    throw badRequest(`Failed to parse json request: ${errorText(error)}`);
  }
}

/** A stream that fails cuts the answer off: whoever reads it notices that it is not whole. */
function sendStream(response: ServerResponse, stream: Readable, log: Logger): void {
  pipeline(stream, response, (error) => {
    if (error === null || error === undefined) return;
    log.info(`the answer was cut off: ${errorText(error)}`);
    response.destroy();
  });
}

function send(response: ServerResponse, reply: HttpReply, headers: Record<string, string>, log: Logger): void {
  if (reply.body instanceof Readable) {
    response.writeHead(reply.status, { "content-type": reply.contentType, ...headers, ...reply.headers });
    return sendStream(response, reply.body, log);
  }
  const bytes = Buffer.isBuffer(reply.body)
    ? reply.body
    : Buffer.from(reply.contentType === undefined ? jsonText(reply.body) : String(reply.body));
  response.writeHead(reply.status, {
    ...(reply.contentType === "" ? {} : { "content-type": reply.contentType ?? "application/json" }),
    ...(reply.status === 204 ? {} : { "content-length": bytes.length }),
    ...headers,
    ...reply.headers,
  });
  response.end(bytes);
}

function replyTo(error: unknown, log: Logger, left: AbortSignal): HttpReply {
  const known = error instanceof ApiError ? error : internal(errorText(error));
  const prefix = "Error processing HTTP request:";
  if (left.aborted) {
    const ending = `Cancelled request finished with an error: ${known.message}`;
    if (known.status === 500) log.error(ending);
    else log.info(ending);
  } else if (known.status === 500) log.error(`${prefix} InternalServerError(${known.message})`);
  else if (known.status === 401 || known.status === 403) log.warn(`${prefix} ${known.message}`);
  else log.info(`${prefix} ${known.status === 400 ? "Bad request: " : ""}${known.message}`);
  return new HttpReply(known.status, { msg: known.message });
}

/** The HTTP side of a daemon: routes, Neon's error bodies and request log lines. */
export class HttpService {
  readonly #log: Logger;
  readonly #options: HttpServiceOptions;
  readonly #router = new Router<HttpHandler>();
  readonly #server: Server;

  constructor(log: Logger, options: HttpServiceOptions = {}) {
    this.#log = log;
    this.#options = options;
    this.#server = createServer((request, response) => this.handle(request, response));
    // A keep-alive time-out of ours would race with requests that a client just sends.
    this.#server.keepAliveTimeout = 0;
    this.#server.requestTimeout = 0;
  }

  /** A handler's value is sent as JSON with 200 (undefined as null), an HttpReply as it says, an ApiError as {"msg"}. */
  route(method: HttpMethod, pattern: string, handler: HttpHandler): void {
    this.#router.add(method, pattern, handler);
  }

  async listen(host: string, port: number): Promise<void> {
    this.#server.listen(port, host);
    await once(this.#server, "listening");
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Serves one request; public for daemons that take HTTP/1 connections from a socket of their own. */
  handle(raw: IncomingMessage, response: ServerResponse): void {
    const url = new URL(raw.url ?? "/", "http://localhost");
    const requestId = raw.headers["x-request-id"]?.toString() ?? randomUUID();
    const method = raw.method ?? "GET";
    const log = this.#log.span("request", { method, path: url.pathname, request_id: requestId });
    const note = (message: string) => (method === "GET" ? log.debug(message) : log.info(message));
    note("Handling request");
    const begin = performance.now();
    const left = this.#whenLeft(response, log);
    this.#answer(raw, url, { log, left })
      .catch((error: unknown) => replyTo(error, log, left))
      .then((reply) => {
        const pattern = this.#router.find(method, url.pathname)?.pattern;
        const seconds = (performance.now() - begin) / 1000;
        this.#options.onAnswered?.({ method, pattern, status: reply.status, seconds });
        note(`Request handled, status: ${reply.status} ${STATUS_CODES[reply.status] ?? ""}`);
        send(response, reply, { "x-request-id": requestId, ...this.#options.headers }, log);
      })
      .catch((error: unknown) => {
        log.info(`could not send the response: ${errorText(error)}`);
        response.destroy();
      });
  }

  async #answer(raw: IncomingMessage, url: URL, of: Pick<HttpRequest, "log" | "left">): Promise<HttpReply> {
    const method = raw.method ?? "GET";
    const match = this.#router.find(method, url.pathname);
    const request: HttpRequest = {
      method,
      path: url.pathname,
      params: match?.params ?? {},
      query: url.searchParams,
      headers: raw.headers,
      raw,
      claims: this.#claimsOf(raw, url.pathname),
      ...of,
      json: async <T>() => (await readJson(raw)) as T,
      body: () => readBody(raw),
    };
    await this.#options.authorize?.(request);
    if (match === undefined) return this.#options.notFound ?? new HttpReply(404, "Not Found", "text/plain");
    const result: unknown = await match.handler(request);
    return result instanceof HttpReply ? result : new HttpReply(200, result);
  }

  #claimsOf(raw: IncomingMessage, path: string): Claims | undefined {
    const { auth, openPaths = [] } = this.#options;
    if (auth === undefined || openPaths.includes(path)) return undefined;
    const token = bearerToken(raw.headers.authorization);
    return orForbidden(() => auth.decode(token));
  }

  /** Aborted when the client leaves before it has its answer, which is logged in Neon's words. */
  #whenLeft(response: ServerResponse, log: Logger): AbortSignal {
    const left = new AbortController();
    response.once("close", () => {
      if (response.headersSent) return;
      if (this.#server.listening) log.warn("request was dropped before completing");
      left.abort();
    });
    return left.signal;
  }

  /** Stops listening, drops idle connections and, after half a second, busy ones. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    const cut = setTimeout(() => this.#server.closeAllConnections(), CLOSE_GRACE_MS);
    await closed;
    clearTimeout(cut);
  }
}

import type { Readable } from "node:stream";
import { recorded } from "../../events";
import { HttpStatusError, noAnswerError, reasonOf } from "./errors";
import { exchange } from "./exchange";
import type { HttpAnswer } from "./exchange";
import { withRetries } from "./retries";
import type { Retries } from "./retries";
import { stringifyWithBigints } from "./wide-integers";

/** What every call of a client takes as its last argument. */
export interface CallOptions {
  /** Budget of one try in ms; 30 s when neither the call nor the client says otherwise. */
  timeoutMs?: number;
  /** None unless asked for. */
  retries?: Retries;
  signal?: AbortSignal;
}

export interface HttpCall extends CallOptions {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  query?: Record<string, string | number | boolean | undefined>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, e.g. a tar archive. A stream can be sent only once, so it goes with no retries. */
  payload?: Buffer | Readable;
  headers?: Readonly<Record<string, string>>;
  /** Statuses outside 2xx that are answers too, e.g. 304. */
  alsoGood?: readonly number[];
}

const DEFAULT_TIMEOUT_MS = 30_000;

/** HTTP to one node. A refused connection or a time-out is a HarnessError HTTP_ERROR, as HttpStatusError is. */
export class HttpClient {
  readonly component: string;
  readonly baseUrl: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(component: string, baseUrl: string, authToken?: string) {
    this.component = component;
    this.baseUrl = baseUrl;
    this.#headers = authToken === undefined ? {} : { authorization: `Bearer ${authToken}` };
  }

  /** The answer's JSON; null where the body is empty. */
  async json<T>(path: string, call: HttpCall = {}): Promise<T> {
    const text = await this.text(path, call);
    return (text === "" ? null : JSON.parse(text)) as T;
  }

  async text(path: string, call: HttpCall = {}): Promise<string> {
    return (await this.send(path, call)).body.toString("utf8");
  }

  /** The whole answer, where status or bytes matter. */
  async send(path: string, call: HttpCall = {}): Promise<HttpAnswer> {
    const url = this.#url(path, call.query);
    const name = `${call.method ?? "GET"} ${url.pathname}`;
    // What only asks is often part of a wait, which is an event itself.
    if ((call.method ?? "GET") === "GET") return this.#insistently(url, name, call);
    const event = (error: string | undefined) =>
      ({ kind: "request", node: this.component, text: name, error }) as const;
    return recorded(event, async () => this.#insistently(url, name, call));
  }

  async #insistently(url: URL, name: string, call: HttpCall): Promise<HttpAnswer> {
    if (call.retries === undefined) return this.#once(url, name, call, call.signal);
    const signals = call.signal === undefined ? [] : [call.signal];
    return withRetries(this.component, name, call.retries, (over) =>
      this.#once(url, name, call, AbortSignal.any([...signals, over])),
    );
  }

  async #once(url: URL, name: string, call: HttpCall, signal: AbortSignal | undefined): Promise<HttpAnswer> {
    const timeoutMs = call.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const { body, headers } = this.#content(call);
    const answer = await exchange({ url, method: call.method ?? "GET", headers, body, timeoutMs, signal }).catch(
      (cause: unknown) => {
        throw noAnswerError(this.component, name, `an answer within ${timeoutMs} ms from ${url.host}`, cause);
      },
    );
    const isGood = (answer.status >= 200 && answer.status < 300) || call.alsoGood?.includes(answer.status) === true;
    if (isGood) return answer;
    throw new HttpStatusError(this.component, name, answer.status, reasonOf(answer.body.toString("utf8")));
  }

  #content({ body, payload, headers }: HttpCall) {
    const shared = { ...this.#headers, ...headers };
    if (payload !== undefined) return { headers: { ...shared, ...lengthOf(payload) }, body: payload };
    if (body === undefined) return { headers: shared, body: undefined };
    const json = Buffer.from(stringifyWithBigints(body));
    return { headers: { ...shared, "content-type": "application/json", ...lengthOf(json) }, body: json };
  }

  #url(path: string, query: HttpCall["query"] = {}): URL {
    const url = new URL(path, this.baseUrl);
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    return url;
  }
}

function lengthOf(payload: Buffer | Readable): Record<string, string> {
  return Buffer.isBuffer(payload) ? { "content-length": String(payload.length) } : {};
}

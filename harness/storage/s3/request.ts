import { Agent as HttpAgent, request as requestHttp } from "node:http";
import type { IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { encodeKey, encodeQuery } from "./encoding";
import { ALGORITHM, scopeText, sha256Hex, signingKey, signRequest, UNSIGNED_PAYLOAD } from "./sigv4";
import type { SigningScope } from "./sigv4";

export interface S3Access {
  /** Undefined: AWS' own place for the region. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

export interface S3Call {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** "" is the bucket itself. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | { stream: () => Readable; length: number };
}

const hostOfAws = (region: string): string => `https://s3.${region}.amazonaws.com`;

/** Signs requests for one bucket and sends them, over connections that are used again. */
export class SignedRequests {
  readonly #access: S3Access;
  readonly #base: URL;
  readonly #agent: HttpAgent | HttpsAgent;
  #signing: { scope: SigningScope; key: Buffer } | undefined;

  constructor(access: S3Access, options: { connections: number }) {
    this.#access = access;
    this.#base = new URL(access.endpoint ?? hostOfAws(access.region));
    const agent = { keepAlive: true, maxSockets: options.connections };
    this.#agent = this.#base.protocol === "https:" ? new HttpsAgent(agent) : new HttpAgent(agent);
  }

  /** Resolves with the head of the answer, whatever its status; the body is still to be read. */
  async send(call: S3Call, signal: AbortSignal): Promise<IncomingMessage> {
    const { bucket } = this.#access;
    const base = this.#base.pathname.replace(/\/$/, "");
    const path = `${base}/${bucket}${call.key === "" ? "" : `/${call.key}`}`;
    const query = encodeQuery(Object.entries(call.query ?? {}));
    const url = new URL(`${encodeKey(path)}${query === "" ? "" : `?${query}`}`, this.#base);
    const { body } = call;
    const length = body === undefined ? 0 : Buffer.isBuffer(body) ? body.length : body.length;
    const headers = { ...this.#sign(call, path), "content-length": String(length) };
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    const sent = send(url, { method: call.method, headers, agent: this.#agent, signal });
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      sent.on("response", resolve);
      sent.on("error", reject);
    });
    if (body === undefined || Buffer.isBuffer(body)) sent.end(body);
    // What goes wrong with the stream destroys the request, whose error says so.
    else await Promise.race([pipeline(body.stream(), sent), answer]);
    return answer;
  }

  close(): void {
    this.#agent.destroy();
  }

  #sign({ method, query = {}, headers = {}, body }: S3Call, path: string): Record<string, string> {
    const { accessKeyId, sessionToken } = this.#access;
    const amzDate = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
    const payloadHash = body === undefined || Buffer.isBuffer(body) ? sha256Hex(body ?? "") : UNSIGNED_PAYLOAD;
    const signed: Record<string, string> = {
      ...headers,
      host: this.#base.host,
      "x-amz-date": amzDate,
      "x-amz-content-sha256": payloadHash,
      ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken }),
    };
    const names = Object.keys(signed).sort();
    const parts = {
      ...{ method, path, payloadHash, query: Object.entries(query) },
      headers: names.map((name): [string, string] => [name, signed[name] ?? ""]),
    };
    const { scope, key } = this.#signingKey(amzDate.slice(0, 8));
    const { signature } = signRequest(parts, scope, amzDate, key);
    const credential = `${accessKeyId}/${scopeText(scope)}`;
    const authorization = `${ALGORITHM} Credential=${credential}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
    return { ...signed, authorization };
  }

  /** One key signs a whole day. */
  #signingKey(date: string): { scope: SigningScope; key: Buffer } {
    if (this.#signing?.scope.date !== date) {
      const scope = { date, region: this.#access.region, service: "s3" };
      this.#signing = { scope, key: signingKey(this.#access.secretAccessKey, scope) };
    }
    return this.#signing;
  }
}

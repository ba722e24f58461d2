import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { sleep } from "../../wait/sleep";
import { Authenticator } from "./authenticate";
import type { PayloadTerms, S3Keys } from "./authenticate";
import { RequestBody } from "./body";
import { S3Error } from "./errors";
import { FaultPlan } from "./faults";
import type { S3Fault, S3FaultEffect } from "./faults";
import { HANDLERS } from "./operations";
import type { Reply } from "./operations/call";
import { readRequest } from "./request";
import type { S3Request } from "./request";
import { send } from "./send";
import { Store } from "./state/store";

export interface MockS3Options {
  /** 0 (default): any free one. */
  port?: number | undefined;
  /** Where objects are kept; undefined: in memory. */
  dir?: string | undefined;
  /** Whether what is in the directory is there again after a restart. */
  lasting?: boolean | undefined;
  keys: S3Keys;
  region?: string | undefined;
  /** Made at the start. */
  buckets?: readonly string[] | undefined;
}

/** An S3 server on 127.0.0.1, with one pair of keys. */
export class MockS3Server {
  readonly #store: Store;
  readonly #auth: Authenticator;
  readonly #faults = new FaultPlan();
  readonly #server: Server;
  readonly #region: string;
  readonly #counts = new Map<string, number>();

  private constructor(options: MockS3Options) {
    this.#region = options.region ?? "us-east-1";
    this.#store = new Store({ dir: options.dir, lasting: options.lasting }, Date.now);
    this.#auth = new Authenticator(options.keys, Date.now);
    this.#server = createServer((request, response) => void this.#answer(request, response));
    // A time-out of ours would race with requests that a client just sends.
    this.#server.keepAliveTimeout = 0;
    this.#server.requestTimeout = 0;
    for (const name of options.buckets ?? []) this.createBucket(name);
  }

  /** Throws what listening throws (EADDRINUSE). */
  static async start(options: MockS3Options): Promise<MockS3Server> {
    const server = new MockS3Server(options);
    server.#server.listen(options.port ?? 0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  createBucket(name: string): void {
    if (this.#store.findBucket(name) !== undefined) return;
    this.#store.change({ type: "bucket", bucket: name, region: this.#region, at: Date.now() });
  }

  /** Drops the bucket with everything in it. */
  removeBucket(name: string): void {
    const bucket = this.#store.findBucket(name);
    if (bucket !== undefined) this.#store.change({ type: "bucket-gone", bucket: name });
    this.setFaults([], name);
  }

  /** Replaces the faults that were set before, for one bucket or for all. */
  setFaults(faults: readonly S3Fault[], bucket?: string): void {
    this.#faults.set(faults, bucket);
    for (const bucket of this.#store.buckets) bucket.keepsChangesForMs = this.#faults.listLagMs;
  }

  /** How many requests were answered, by operation, and how many a fault has hit. */
  counts(): { operations: Record<string, number>; faults: number } {
    return { operations: Object.fromEntries(this.#counts), faults: this.#faults.hits };
  }

  /** Ends all connections; a directory keeps what it has. */
  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    if (this.#server.listening) await once(this.#server, "close");
    this.#store.close();
  }

  async #answer(raw: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = randomBytes(8).toString("hex").toUpperCase();
    response.setHeader("x-amz-request-id", id);
    response.setHeader("server", "neon-test-s3");
    let request: S3Request | undefined;
    let effects: S3FaultEffect[] = [];
    try {
      request = readRequest(raw, id);
      effects = this.#faults.draw(
        request.operation,
        request.bucket,
        request.key || (request.query.get("prefix") ?? ""),
      );
      const reply = await this.#carryOut(request, effects);
      this.#counts.set(request.operation, (this.#counts.get(request.operation) ?? 0) + 1);
      if (effects.some((effect) => effect.kind === "reset")) return cut(raw);
      await send(response, reply, { isHead: raw.method === "HEAD", store: this.#store, effects });
    } catch (error) {
      // What is written already still gets there: the client sees a body that ends too early.
      if (response.headersSent) return raw.socket.destroySoon();
      const known = error instanceof S3Error ? error : internal(error);
      const resource = request?.path ?? raw.url ?? "/";
      const headers = { "content-type": "application/xml", ...known.headers };
      const reply = { status: known.status, headers, body: known.toXml({ resource, requestId: id }) };
      await send(response, reply, { isHead: raw.method === "HEAD", store: this.#store, effects: [] });
    }
  }

  async #carryOut(request: S3Request, effects: readonly S3FaultEffect[]): Promise<Reply> {
    const terms: PayloadTerms = this.#auth.check(request);
    let listAsOf: number | undefined;
    for (const effect of effects) {
      if (effect.kind === "delay") await sleep(effect.ms);
      if (effect.kind === "error") throw new S3Error(effect.code);
      if (effect.kind === "stale-list") listAsOf = Date.now() - effect.ms;
      if (effect.kind === "reset" && effect.when === "before") return { status: 500, headers: {} };
    }
    const body = (): RequestBody => new RequestBody(request.raw, terms);
    const call = { store: this.#store, request, body, now: Date.now(), listAsOf, region: this.#region };
    return HANDLERS[request.operation](call);
  }
}

/** RST rather than FIN: the client sees a connection that was reset. */
function cut(raw: IncomingMessage): void {
  raw.socket.resetAndDestroy();
}

function internal(error: unknown): S3Error {
  const found = new S3Error("InternalError");
  found.cause = error;
  process.stderr.write(`mock_s3: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return found;
}

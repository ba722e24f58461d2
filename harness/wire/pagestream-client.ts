import type { Lsn, TenantId, TimelineId } from "../types";
import type { CopyBothStream } from "./copy-both-stream";
import { ConnectionError, PgError, ProtocolError } from "./errors";
import { encodePagestreamRequest } from "./pagestream";
import type { PagestreamBody, PagestreamVersion } from "./pagestream";
import { decodePagestreamResponse } from "./pagestream-response";
import type { PagestreamResponse } from "./pagestream-response";
import { PgConnection } from "./pg-connection";

export interface PagestreamClientOptions {
  host: string;
  port: number;
  tenantId: TenantId;
  timelineId: TimelineId;
  version: PagestreamVersion;
  /** A JWT, when the pageserver asks for one. */
  password?: string;
  signal?: AbortSignal;
}

/** A request whose `reqid` the client chooses when none is given. */
export type PagestreamCall = { requestLsn: Lsn; notModifiedSince: Lsn; reqid?: bigint } & PagestreamBody;
export type PagestreamAnswer = PagestreamResponse & { reqid: bigint };

interface Waiter {
  reqid: bigint;
  resolve: (answer: PagestreamAnswer) => void;
  reject: (error: Error) => void;
}

/** Speaks pagestream with a pageserver: any number of requests may be under way, answers come in their order. */
export class PagestreamClient {
  readonly connection: PgConnection;
  readonly version: PagestreamVersion;
  readonly #stream: CopyBothStream;
  readonly #waiters: Waiter[] = [];
  #nextReqid = 1n;

  private constructor(connection: PgConnection, stream: CopyBothStream, version: PagestreamVersion) {
    this.connection = connection;
    this.#stream = stream;
    this.version = version;
    stream.onData((payload) => this.#accept(payload));
    void stream.ended.then(() => this.#rejectAll(this.#reason()));
  }

  /** Rejects with ConnectionError or, when the pageserver refuses, PgError. */
  static async connect(options: PagestreamClientOptions): Promise<PagestreamClient> {
    const { host, port, password, signal, tenantId, timelineId, version } = options;
    const connection = await PgConnection.connect({ host, port, password, signal });
    try {
      const stream = await connection.copyBoth(`pagestream_v${version} ${tenantId} ${timelineId}`);
      return new PagestreamClient(connection, stream, version);
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /** An answer of kind "error" is an answer; the promise rejects only when the stream ends first. */
  request(call: PagestreamCall): Promise<PagestreamAnswer> {
    return new Promise((resolve, reject) => {
      const closed = this.#stream.finished || this.connection.closed.aborted;
      if (closed) return reject(this.#reason());
      this.#write(call, resolve, reject);
    });
  }

  /** Sends a request and drops its answer. False means that the socket is over its high-water mark. */
  send(call: PagestreamCall): boolean {
    const ignore = (): void => undefined;
    return this.#write(call, ignore, ignore);
  }

  /** Ends the connection; requests without an answer reject. */
  close(): void {
    this.connection.destroy();
  }

  #write(call: PagestreamCall, resolve: Waiter["resolve"], reject: Waiter["reject"]): boolean {
    const reqid = this.version === 2 ? 0n : (call.reqid ?? this.#nextReqid);
    this.#nextReqid += 1n;
    this.#waiters.push({ reqid, resolve, reject });
    return this.#stream.write(encodePagestreamRequest(this.version, { ...call, reqid }));
  }

  #accept(payload: Buffer): void {
    const waiter = this.#waiters.shift();
    try {
      const answer = decodePagestreamResponse(this.version, payload);
      if (waiter === undefined) throw new ProtocolError("an answer that nobody asked for");
      if (answer.reqid !== waiter.reqid) {
        throw new ProtocolError(`answer to request ${answer.reqid}, expected one to ${waiter.reqid}`);
      }
      waiter.resolve(answer);
    } catch (error) {
      waiter?.reject(error as Error);
      this.#rejectAll(error as Error);
      this.close();
    }
  }

  #reason(): Error {
    const cause = this.#stream.error;
    if (cause instanceof PgError) return cause;
    return new ConnectionError(`the pagestream ended: ${cause?.message ?? "the connection was closed here"}`, {
      cause,
    });
  }

  #rejectAll(error: Error): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }
}

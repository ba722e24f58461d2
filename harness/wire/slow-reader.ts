import type { TenantId, TimelineId } from "../types";
import { Lsn } from "../types";
import { frame } from "./backend-messages";
import type { CopyBothStream } from "./copy-both-stream";
import { ConnectionError } from "./errors";
import { encodePagestreamRequest } from "./pagestream";
import type { PagestreamRequest, PagestreamVersion, RelTag } from "./pagestream";
import { PgConnection } from "./pg-connection";
import { Stall } from "./stall";
import type { StallOptions } from "./stall";

export interface SlowReaderOptions extends StallOptions {
  host: string;
  port: number;
  tenantId: TenantId;
  timelineId: TimelineId;
  /** Default 3. */
  version?: PagestreamVersion;
  password?: string;
  /** Test messages need a pageserver with the `testing` feature; GetPage works with all. Default "test". */
  kind?: "test" | "getpage";
  /** Bytes of one Test message, default 1 MiB: the pipe is full within a second. */
  messageSize?: number;
  /** The relation whose first block is asked for, default pg_class of database 5. */
  rel?: RelTag;
}

export interface PipeFacts {
  bytesSent: number;
  messagesSent: number;
  stalledForMs: number;
}

/** Small writes, one at a time, so that every 64 KiB the kernel takes is seen as progress. */
const WRITE_BYTES = 64 * 1024;
/** Socket buffers of both sides are far below; a server that takes this much does not stop reading. */
const MAX_BYTES = 512 * 1024 * 1024;
const CHECK_INTERVAL_MS = 25;
const PG_CLASS: RelTag = { spcNode: 1663, dbNode: 5, relNode: 1259, forkNum: 0 };

function slowRequest(options: SlowReaderOptions): PagestreamRequest {
  if (options.kind === "getpage") {
    const rel = options.rel ?? PG_CLASS;
    return { kind: "getpage", rel, blkno: 0, reqid: 1n, requestLsn: Lsn.MAX, notModifiedSince: 1n };
  }
  const message = Buffer.alloc(options.messageSize ?? 1024 * 1024, "x");
  return { kind: "test", batchKey: 42n, message, reqid: 1n, requestLsn: 23n, notModifiedSince: 23n };
}

/** A client that sends pagestream requests and never reads the answers, so that the server's writes are blocked. */
export class SlowReader implements Disposable {
  readonly #connection: PgConnection;
  readonly #stream: CopyBothStream;
  readonly #lost: Promise<void>;
  readonly #address: string;
  readonly #stall: Stall;
  readonly #messageBytes: number;
  readonly #bytes: Buffer;
  #bytesSent = 0;
  #writing = false;
  #filling = false;

  private constructor(connection: PgConnection, stream: CopyBothStream, options: SlowReaderOptions) {
    this.#connection = connection;
    this.#stream = stream;
    this.#address = `${options.host}:${options.port}`;
    this.#stall = new Stall(connection.socket, options);
    const message = frame("d", encodePagestreamRequest(options.version ?? 3, slowRequest(options)));
    this.#messageBytes = message.length;
    const repeats = Math.max(1, Math.floor(WRITE_BYTES / message.length));
    this.#bytes = Buffer.concat(Array.from({ length: repeats }, () => message));
    this.#lost = new Promise((resolve) => {
      connection.closed.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** Opens the pagestream and stops reading. Rejects with ConnectionError or PgError. */
  static async open(options: SlowReaderOptions): Promise<SlowReader> {
    const { host, port, password, tenantId, timelineId } = options;
    const connection = await PgConnection.connect({ host, port, password });
    try {
      const stream = await connection.copyBoth(`pagestream_v${options.version ?? 3} ${tenantId} ${timelineId}`);
      stream.pause();
      return new SlowReader(connection, stream, options);
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /**
   * Reads what stands in the pipe, at last, and resolves when the connection is closed, by whichever side. A server that
   * has given the client up may only get to see it now: a pageserver whose tenant was detached is still writing answers.
   */
  get connectionLost(): Promise<void> {
    this.#filling = false;
    this.#stream.onData(() => undefined);
    this.#stream.resume();
    return this.#lost;
  }

  get facts(): PipeFacts {
    const messagesSent = Math.floor(this.#bytesSent / this.#messageBytes);
    return { bytesSent: this.#bytesSent, messagesSent, stalledForMs: this.#stall.sinceMs };
  }

  /** Sends until the server is blocked. Rejects when it drains the pipe, closes it, or doesn't read for another reason. */
  async fillPipe(options: { budgetMs: number }): Promise<PipeFacts> {
    const started = performance.now();
    this.#stall.progress();
    this.#filling = true;
    this.#writeNext();
    try {
      return await new Promise((resolve, reject) => {
        const check = (): void => {
          const outcome = this.#outcome(performance.now() - started, options.budgetMs);
          if (outcome === undefined) return;
          clearInterval(timer);
          if (outcome instanceof Error) reject(outcome);
          else resolve(outcome);
        };
        const timer = setInterval(check, CHECK_INTERVAL_MS);
      });
    } finally {
      this.#filling = false;
    }
  }

  /** Ends the connection at once. */
  close(): void {
    this.#connection.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #outcome(elapsedMs: number, budgetMs: number): PipeFacts | Error | undefined {
    const facts = this.facts;
    const sent = `${facts.messagesSent} messages (${facts.bytesSent} bytes) in ${Math.round(elapsedMs)} ms`;
    if (this.#connection.closed.aborted) {
      const reason = (this.#connection.closed.reason as Error).message;
      return new ConnectionError(`${this.#address}: ${reason}, after ${sent}, before the pipe was full`);
    }
    const drains = facts.bytesSent >= MAX_BYTES;
    if (this.#stall.isComplete() && !drains) return this.facts;
    if (elapsedMs < budgetMs && !drains) return undefined;
    return new Error(
      `${this.#address} is not blocked although nobody reads its answers: ${sent}, ` +
        `last progress ${facts.stalledForMs} ms ago; within ${budgetMs} ms ${this.#stall.describe()}`,
    );
  }

  #writeNext(): void {
    if (this.#writing || !this.#filling || this.#bytesSent >= MAX_BYTES) return;
    const start = this.#bytesSent % this.#bytes.length;
    const chunk = this.#bytes.subarray(start, start + WRITE_BYTES);
    this.#writing = true;
    this.#connection.socket.write(chunk, (error) => {
      this.#writing = false;
      // A failed write closes the connection, which is noticed there.
      if (error) return;
      this.#bytesSent += chunk.length;
      this.#stall.progress();
      this.#writeNext();
    });
  }
}

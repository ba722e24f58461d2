import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  /** `PUT /v1/failpoints?x=1` */
  line: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export interface TestAnswer {
  status?: number;
  /** Sent as it is where it is text, or else as JSON. */
  body?: unknown;
}

type Handler = (seen: SeenRequest, response: ServerResponse) => TestAnswer | undefined;

/** A real HTTP server that answers what a test tells it to; without an answer the connection stays open and silent. */
export class TestServer implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  readonly #server;

  private constructor(handler: Handler) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const seen = {
          line: `${request.method} ${request.url}`,
          headers: request.headers,
          body: Buffer.concat(chunks).toString(),
        };
        this.requests.push(seen);
        const answer = handler(seen, response);
        if (answer === undefined) return;
        response.statusCode = answer.status ?? 200;
        response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? null));
      });
    });
  }

  static async listen(handler: Handler, port = 0): Promise<TestServer> {
    const server = new TestServer(handler);
    await new Promise<void>((resolve, reject) => {
      server.#server.once("error", reject).listen(port, "127.0.0.1", resolve);
    });
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get lines(): string[] {
    return this.requests.map(({ line }) => line);
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Whatever a promise was rejected with; the test fails where it was not. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("this was to fail, and did not");
    },
    (error: unknown) => error,
  );
}

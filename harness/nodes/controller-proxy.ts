import { createServer, request as sendRequest } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { messageOfUnknown } from "../types";

/**
 * One address for whichever storage controller leads: everything that arrives goes on to the one that it routes to, as
 * it is. Without a route it answers 503, as a controller that isn't ready does.
 */
export class ControllerProxy implements AsyncDisposable {
  readonly port: number;
  #target: URL | undefined;
  #server: Server | undefined;

  constructor(port: number) {
    this.port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** From now on requests go to this controller. */
  routeTo(controllerUrl: string): void {
    this.#target = new URL(controllerUrl);
  }

  async listen(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((request, response) => this.#forward(request, response));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.port, "127.0.0.1", resolve);
    });
    server.unref();
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const target = this.#target;
    if (target === undefined) return answerError(response, "the proxy routes to no storage controller yet");
    const { method, url: path } = request;
    // A connection of its own for each: a pooled one may be closed by the controller just when it is used again.
    const headers = { ...request.headers, connection: "close" };
    const { hostname, port } = target;
    const onward = sendRequest({ hostname, port, method, path, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", (error) => answerError(response, messageOfUnknown(error)));
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function answerError(response: ServerResponse, message: string): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(503, { "content-type": "application/json" }).end(JSON.stringify({ msg: message }));
}

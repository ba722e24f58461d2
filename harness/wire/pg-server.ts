import net from "node:net";

import { ConnectionError } from "./errors";
import { SOCKET_BUFFER_BYTES } from "./message-channel";
import { PgServerConnection } from "./pg-server-connection";
import type { PgServerHandler } from "./pg-server-connection";

/** What every Neon node tells its clients (neon-protocols §4). */
const DEFAULT_PARAMETERS = { client_encoding: "UTF8", integer_datetimes: "on", server_version: "14.1" };

export interface PgServerOptions {
  host: string;
  /** 0 lets the system choose. */
  port: number;
  handler: PgServerHandler;
  /** ParameterStatus messages, over or beside the default ones; undefined leaves one out. */
  parameters?: Record<string, string | undefined>;
}

/** A server of the PostgreSQL protocol, simple queries and COPY only. */
export class PgServer {
  readonly #server: net.Server;
  readonly #connections = new Set<PgServerConnection>();
  readonly #closed: Promise<void>;
  #nextId = 1;

  private constructor(options: PgServerOptions) {
    const all = { ...DEFAULT_PARAMETERS, ...options.parameters };
    const parameters = Object.fromEntries(
      Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    this.#server = net.createServer({ highWaterMark: SOCKET_BUFFER_BYTES, noDelay: true }, (socket) =>
      this.#accept(socket, options.handler, parameters),
    );
    this.#closed = new Promise((resolve) => this.#server.once("close", resolve));
  }

  /** Rejects with ConnectionError when the address cannot be bound. */
  static async listen(options: PgServerOptions): Promise<PgServer> {
    const server = new PgServer(options);
    await server.#listen(options.host, options.port);
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === "object" ? address.port : 0;
  }

  get connections(): ReadonlySet<PgServerConnection> {
    return this.#connections;
  }

  /** New clients are refused from now on; those connected stay. */
  stopAccepting(): void {
    if (this.#server.listening) this.#server.close();
  }

  /** Stops accepting and ends every connection at once, whether clients read or not. */
  async close(): Promise<void> {
    this.stopAccepting();
    for (const connection of this.#connections) connection.destroy();
    await this.#closed;
  }

  async #listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error: NodeJS.ErrnoException) => {
        const text = `cannot listen on ${host}:${port}: ${error.message}`;
        reject(new ConnectionError(text, { code: error.code, cause: error }));
      });
      this.#server.listen({ host, port }, resolve);
    });
    this.#server.removeAllListeners("error");
    // Out of file descriptors: the client that could not be accepted sees it; the others are served on.
    this.#server.on("error", () => undefined);
  }

  #accept(socket: net.Socket, handler: PgServerHandler, parameters: Record<string, string>): void {
    const connection = new PgServerConnection(this.#nextId, socket);
    this.#nextId += 1;
    this.#connections.add(connection);
    connection.closed.addEventListener("abort", () => this.#connections.delete(connection), { once: true });
    void connection.serve(handler, parameters);
  }
}

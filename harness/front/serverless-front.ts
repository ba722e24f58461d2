import https from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type net from "node:net";
import type { TLSSocket } from "node:tls";
import { DatabaseError } from "pg";
import { createWebSocketStream, WebSocketServer } from "ws";
import { messageOfUnknown } from "../types";
import type { KeyedCertificate } from "../auth";
import { CleartextSession } from "./cleartext-session";
import { runSql } from "./http-sql";
import type { SqlBody } from "./http-sql";
import { Routes } from "./routes";

/** For `goAwayAt`: how the words stand in either protocol is the same. */
interface Cut {
  words: string | undefined;
}

/**
 * What Neon's proxy offers to its serverless driver: POST /sql, and the Postgres protocol in WebSockets at /v2. It checks no
 * limits and pools nothing; passwords are checked by Postgres.
 */
export class ServerlessFront implements AsyncDisposable {
  readonly routes: Routes;
  /** `POST /sql`, `WebSocket /v2`: what was asked for, with the name in TLS' SNI. */
  readonly seen: { readonly what: string; readonly sni: string | undefined }[] = [];
  readonly #server: https.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #cut: Cut = { words: undefined };

  private constructor(certificate: KeyedCertificate, routes: Routes) {
    this.routes = routes;
    this.#server = https.createServer({ cert: certificate.certificate, key: certificate.privateKey });
    this.#server.on("connection", (socket: net.Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    // Who doesn't like our certificate goes away; a driver's error says so.
    this.#server.on("tlsClientError", () => undefined);
    this.#server.on("request", (request, response) => void this.#answer(request, response));
    const webSockets = new WebSocketServer({ noServer: true });
    this.#server.on("upgrade", (request, socket, head) => {
      socket.on("error", () => socket.destroy());
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        const sni = this.#note("WebSocket", request);
        const stream = createWebSocketStream(webSocket);
        stream.on("data", (chunk: Buffer) => this.#goAwayAt(chunk));
        void new CleartextSession(stream, this.routes, sni);
      });
    });
  }

  static async listen(certificate: KeyedCertificate, routes = new Routes()): Promise<ServerlessFront> {
    const front = new ServerlessFront(certificate, routes);
    await new Promise<void>((resolve, reject) => {
      front.#server.once("error", reject);
      front.#server.listen({ host: "127.0.0.1", port: 0 }, resolve);
    });
    return front;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo | null)?.port ?? 0;
  }

  /** The server goes away, for everyone and for good, when a client's statement has these words in it. */
  goAwayAt(words: string): void {
    this.#cut.words = words;
  }

  async close(): Promise<void> {
    const closed = this.#server.listening ? new Promise<void>((resolve) => this.#server.close(() => resolve())) : null;
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #goAwayAt(chunk: Buffer): void {
    if (this.#cut.words !== undefined && chunk.includes(this.#cut.words)) void this.close();
  }

  #note(method: string, request: IncomingMessage): string | undefined {
    const { servername } = request.socket as TLSSocket & { servername?: string | false };
    const sni = servername === false ? undefined : servername;
    this.seen.push({ what: `${method} ${new URL(request.url ?? "/", "https://x").pathname}`, sni });
    return sni;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sni = this.#note(request.method ?? "", request);
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    try {
      const text = await bodyOf(request);
      this.#goAwayAt(text);
      send(200, await this.#run(request, sni, JSON.parse(text.toString()) as SqlBody));
    } catch (error) {
      if (!(error instanceof DatabaseError)) return send(400, { message: messageOfUnknown(error), code: null });
      const { message, code, severity, detail, hint, position, where, schema, table, column, constraint } = error;
      const place = { position, where, schema, table, column, constraint };
      send(400, { message, code, severity, detail, hint, ...place });
    }
  }

  async #run(request: IncomingMessage, sni: string | undefined, body: SqlBody): Promise<unknown> {
    const connstr = request.headers["neon-connection-string"];
    const url = new URL(typeof connstr === "string" ? connstr : "");
    const route = this.routes.find({ sni: url.hostname || sni, options: url.searchParams.get("options") ?? "" });
    const [user, password] = [url.username, url.password].map(decodeURIComponent) as [string, string];
    const database = decodeURIComponent(url.pathname.slice(1));
    return runSql({ route, user, password, database, body, headers: request.headers });
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

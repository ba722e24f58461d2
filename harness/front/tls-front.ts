import net from "node:net";
import type tls from "node:tls";
import { encodeStartupPacket, errorResponse, FrameParser, parseStartupPacket, PgError } from "../wire";
import type { Message } from "../wire";
import { BackendKeys } from "./backend-keys";
import type { KeyedCertificate } from "../auth";
import { Routes } from "./routes";
import type { Address, Route } from "./routes";
import { TlsListener } from "./tls-listener";
import type { Accepted } from "./tls-listener";

/** One session as its client began it. */
export interface SeenSession {
  readonly kind: "session" | "cancel";
  readonly tls: string | undefined;
  readonly sni: string | undefined;
  readonly alpn: string | undefined;
  readonly user: string | undefined;
  readonly endpointId: string | undefined;
}

const CANCEL_CODE_BYTES = 4;

/**
 * What stands between clients and computes in a cloud Neon, as far as clients can see: TLS, the endpoint by name, requests
 * to cancel. Passwords are between client and Postgres (SCRAM; without channel binding, for Postgres itself speaks no TLS).
 */
export class TlsFront implements AsyncDisposable {
  readonly routes: Routes;
  readonly seen: SeenSession[] = [];
  readonly #keys = new BackendKeys();
  #listener: TlsListener | undefined;
  #cutAt: string | undefined;

  private constructor(routes: Routes) {
    this.routes = routes;
  }

  static async listen(certificate: KeyedCertificate, routes = new Routes()): Promise<TlsFront> {
    const front = new TlsFront(routes);
    front.#listener = await TlsListener.listen(certificate, (accepted) => front.#accept(accepted));
    return front;
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  get handshakeErrors(): readonly string[] {
    return this.#listener?.handshakeErrors ?? [];
  }

  /** The server goes away, for everyone and for good, when a client's statement has these words in it. */
  goAwayAt(words: string): void {
    this.#cutAt = words;
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept({ kind, socket }: Accepted): void {
    const parser = new FrameParser({
      expectStartup: true,
      deliver: ({ body }) => {
        // Behind its startup packet a client sends nothing until it is answered.
        socket.off("data", onData);
        socket.pause();
        this.#begin(kind, socket, body);
      },
    });
    const onData = (chunk: Buffer): void => {
      try {
        parser.push(chunk);
      } catch (error) {
        refuse(socket, error);
      }
    };
    socket.on("data", onData);
    socket.resume();
  }

  #begin(kind: Accepted["kind"], socket: net.Socket, body: Buffer): void {
    const packet = parseStartupPacket(body);
    if (packet.kind === "encryption") return refuse(socket, new PgError("encryption is asked for twice", "08P01"));
    const secured = kind === "tls" ? (socket as tls.TLSSocket) : undefined;
    const facts = factsOf(secured);
    if (packet.kind === "cancel") {
      this.seen.push({ kind: "cancel", ...facts, user: undefined, endpointId: undefined });
      return this.#cancel(socket, body);
    }
    const user = packet.parameters.get("user");
    try {
      if (secured === undefined) throw insecure();
      const route = this.routes.find({ sni: facts.sni, options: packet.parameters.get("options") });
      this.seen.push({ kind: "session", ...facts, user, endpointId: route.endpointId });
      this.#forward(socket, startupFor(route, packet.parameters), route.address);
    } catch (error) {
      this.seen.push({ kind: "session", ...facts, user, endpointId: undefined });
      refuse(socket, error);
    }
  }

  /** Postgres answers a request to cancel by closing the connection, whether there was something to cancel or not. */
  #cancel(socket: net.Socket, body: Buffer): void {
    const owner = this.#keys.ownerOf(body.subarray(CANCEL_CODE_BYTES));
    if (owner === undefined) return void socket.destroy();
    const request = Buffer.alloc(4 + body.length);
    request.writeUInt32BE(request.length, 0);
    body.copy(request, 4);
    const backend = net.connect({ ...owner, noDelay: true });
    backend.write(request);
    tie(socket, backend);
  }

  #forward(client: net.Socket, startup: Buffer, address: Address): void {
    const backend = net.connect({ ...address, noDelay: true });
    backend.write(startup);
    tie(client, backend);
    let forget = (): void => undefined;
    const fromServer = watch((message) => {
      if (message.tag === "K") forget = this.#keys.note(message.body, address);
    });
    const fromClient = watch(({ body }) => {
      if (this.#cutAt !== undefined && body.includes(this.#cutAt)) void this.close();
    });
    backend.on("data", fromServer);
    client.on("data", fromClient);
    backend.pipe(client);
    client.pipe(backend);
    client.once("close", () => forget());
  }
}

/** Looks at a stream of messages beside its way; what can't be read is left to those whom it concerns. */
function watch(look: (message: Message) => void): (chunk: Buffer) => void {
  const parser = new FrameParser({ expectStartup: false, deliver: look });
  let readable = true;
  return (chunk) => {
    if (!readable) return;
    try {
      parser.push(chunk);
    } catch {
      readable = false;
    }
  };
}

const factsOf = (socket: tls.TLSSocket | undefined): Pick<SeenSession, "tls" | "sni" | "alpn"> => ({
  tls: socket?.getProtocol() ?? undefined,
  sni: socket === undefined ? undefined : serverNameOf(socket),
  alpn: socket?.alpnProtocol === false ? undefined : (socket?.alpnProtocol ?? undefined),
});

/** The name that the client asked for; a server's socket has it, though its type doesn't say so. */
function serverNameOf(socket: tls.TLSSocket): string | undefined {
  const { servername } = socket as { servername?: string | false };
  return servername === false ? undefined : servername;
}

function startupFor(route: Route, parameters: ReadonlyMap<string, string>): Buffer {
  const forwarded = new Map(parameters);
  if (route.options === "") forwarded.delete("options");
  else forwarded.set("options", route.options);
  return encodeStartupPacket(forwarded);
}

const insecure = (): PgError =>
  new PgError("connections without TLS are refused: use sslmode=require or better", "28000", { severity: "FATAL" });

function refuse(socket: net.Socket, error: unknown): void {
  const said = error instanceof PgError ? error : new PgError(String(error), "08P01", { severity: "FATAL" });
  socket.end(errorResponse(said));
}

/** Where one goes, so does the other. */
function tie(client: net.Socket, backend: net.Socket): void {
  backend.on("error", ({ message }) => {
    if (backend.bytesRead === 0) refuse(client, new PgError(message, "08006", { severity: "FATAL" }));
    backend.destroy();
  });
  backend.once("close", () => client.destroySoon());
  client.once("close", () => backend.destroy());
}

import net from "node:net";
import tls from "node:tls";
import type { KeyedCertificate } from "../auth";

const SSL_REQUEST = 80877103;
const GSSENC_REQUEST = 80877104;
const TLS_HANDSHAKE = 0x16;
const REQUEST_BYTES = 8;

/** A connection after the first bytes: over TLS, or not where the client asked for none. */
export type Accepted =
  { readonly kind: "tls"; readonly socket: tls.TLSSocket } | { readonly kind: "plain"; readonly socket: net.Socket };

/**
 * Listens as Postgres does: TLS after SSLRequest, or at once (`sslnegotiation=direct`, with ALPN "postgresql"); encryption by
 * GSSAPI is refused, and what comes without any is handed on as it is.
 */
export class TlsListener {
  readonly #server: net.Server;
  readonly #tls: tls.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #handshakeErrors: string[] = [];
  #port = 0;

  private constructor(certificate: KeyedCertificate, accept: (connection: Accepted) => void) {
    this.#tls = tls.createServer(
      { cert: certificate.certificate, key: certificate.privateKey, ALPNProtocols: ["postgresql"] },
      (socket) => {
        // A driver that goes away in mid-stream is no business of ours.
        socket.on("error", () => socket.destroy());
        accept({ kind: "tls", socket });
      },
    );
    this.#tls.on("tlsClientError", (error) => this.#handshakeErrors.push(error.message));
    this.#server = net.createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.once("close", () => this.#sockets.delete(socket));
      this.#readRequest(socket, accept);
    });
  }

  /** On a port that the system chooses, of 127.0.0.1. */
  static async listen(certificate: KeyedCertificate, accept: (connection: Accepted) => void): Promise<TlsListener> {
    const listener = new TlsListener(certificate, accept);
    await new Promise<void>((resolve, reject) => {
      listener.#server.once("error", reject);
      listener.#server.listen({ host: "127.0.0.1", port: 0 }, resolve);
    });
    listener.#port = (listener.#server.address() as net.AddressInfo).port;
    return listener;
  }

  /** Where it listens, or did before it was closed. */
  get port(): number {
    return this.#port;
  }

  /** What clients had against our certificate, or we against their TLS. */
  get handshakeErrors(): readonly string[] {
    return this.#handshakeErrors;
  }

  /** Ends every connection at once, and takes no other. */
  async close(): Promise<void> {
    const closed = this.#server.listening ? new Promise<void>((resolve) => this.#server.close(() => resolve())) : null;
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #readRequest(socket: net.Socket, accept: (connection: Accepted) => void): void {
    let seen = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      seen = Buffer.concat([seen, chunk]);
      if (seen[0] !== TLS_HANDSHAKE && seen.length < REQUEST_BYTES) return;
      socket.off("data", onData);
      socket.pause();
      this.#answer(socket, seen, accept);
    };
    socket.on("data", onData);
  }

  #answer(socket: net.Socket, seen: Buffer, accept: (connection: Accepted) => void): void {
    if (seen[0] === TLS_HANDSHAKE) return this.#beginTls(socket, seen);
    const code = seen.readUInt32BE(4);
    if (code === SSL_REQUEST) {
      socket.write("S");
      return this.#beginTls(socket, seen.subarray(REQUEST_BYTES));
    }
    const rest = code === GSSENC_REQUEST ? seen.subarray(REQUEST_BYTES) : seen;
    if (rest.length > 0) socket.unshift(rest);
    if (code !== GSSENC_REQUEST) return accept({ kind: "plain", socket });
    socket.write("N");
    this.#readRequest(socket, accept);
    socket.resume();
  }

  #beginTls(socket: net.Socket, seen: Buffer): void {
    if (seen.length > 0) socket.unshift(seen);
    this.#tls.emit("connection", socket);
  }
}

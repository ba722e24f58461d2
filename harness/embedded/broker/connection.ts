import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import { errorText, type Logger, parseEndpointUrl } from "../service";
import { SERVICE_PATH } from "./framing";

/** A call that is to be open whenever the connection is. */
export interface StandingCall {
  readonly method: string;
  opened(stream: ClientHttp2Stream): void;
  lost(): void;
}

const MIN_BACKOFF_MS = 20;
const MAX_BACKOFF_MS = 1000;
/** A connection that stood this long starts the back-off anew when it ends. */
const STABLE_AFTER_MS = 200;

/** One HTTP/2 session to the broker, connected again for as long as somebody wants it; opens all standing calls on it. */
export class BrokerConnection {
  readonly #address: { host: string; port: number };
  readonly #log: Logger;
  readonly #calls = new Map<StandingCall, ClientHttp2Stream | undefined>();
  #session: ClientHttp2Session | undefined;
  #retry: NodeJS.Timeout | undefined;
  #backoffMs = MIN_BACKOFF_MS;
  #closed = false;

  constructor(endpoint: string, log: Logger) {
    this.#address = parseEndpointUrl(endpoint);
    this.#log = log.span("broker_client");
  }

  add(call: StandingCall): void {
    this.#calls.set(call, undefined);
    if (this.#session !== undefined) this.#open(call, this.#session);
    else if (this.#retry === undefined) this.#connect();
  }

  remove(call: StandingCall): void {
    this.#calls.get(call)?.close(constants.NGHTTP2_CANCEL);
    this.#calls.delete(call);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#session?.destroy();
  }

  #connect(): void {
    if (this.#closed) return;
    const { host, port } = this.#address;
    const socket = connect({ host, port, noDelay: true });
    const session = connectHttp2(`http://${host}:${port}`, { createConnection: () => socket });
    let failure: unknown = "connection closed";
    let connectedAt = Infinity;
    this.#session = session;
    session.once("remoteSettings", () => {
      this.#log.info(`connected to the storage broker at ${host}:${port}`);
      connectedAt = performance.now();
    });
    session.on("error", (error) => (failure = error));
    session.once("goaway", () => session.destroy());
    session.once("close", () => {
      this.#session = undefined;
      if (performance.now() - connectedAt > STABLE_AFTER_MS) this.#backoffMs = MIN_BACKOFF_MS;
      this.#retryLater(errorText(failure));
    });
    for (const call of this.#calls.keys()) this.#open(call, session);
  }

  #retryLater(reason: string): void {
    if (this.#closed) return;
    this.#log.info(`storage broker is not reachable, trying again in ${this.#backoffMs} ms: ${reason}`);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#connect();
    }, this.#backoffMs);
    this.#backoffMs = Math.min(this.#backoffMs * 2, MAX_BACKOFF_MS);
  }

  /** A standing call that ends while the session lives takes the session with it: reconnecting is the one way back. */
  #open(call: StandingCall, session: ClientHttp2Session): void {
    const stream = session.request(
      {
        ":method": "POST",
        ":path": SERVICE_PATH + call.method,
        "content-type": "application/grpc",
        te: "trailers",
        "user-agent": "neon-embedded",
      },
      { endStream: false },
    );
    stream.on("error", (error) => this.#log.debug(`${call.method}: ${errorText(error)}`));
    stream.once("close", () => {
      const wanted = this.#calls.has(call);
      if (wanted) {
        this.#calls.set(call, undefined);
        call.lost();
      }
      if (wanted && !session.destroyed) session.destroy();
    });
    this.#calls.set(call, stream);
    call.opened(stream);
  }
}

import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { errorText, type Logger } from "../service";
import { frame, FrameReader, GRPC_STATUS, SERVICE_PATH } from "./framing";
import type { Hub, Subscriber } from "./hub";
import {
  decodeFilterRequest,
  decodeSubscribeRequest,
  decodeTypedMessage,
  encodeTypedMessage,
  MESSAGE_TYPES,
  type RoutedMessage,
  routeTimelineInfo,
  type TenantTimelineId,
} from "./messages";

/** Unsent bytes of a subscriber beyond which it is too slow and messages for it are dropped. */
export const SUBSCRIBER_BUFFER_LIMIT = 256 * 1024;

const TIMELINE_INFO_ONLY: ReadonlySet<number> = new Set([MESSAGE_TYPES.SAFEKEEPER_TIMELINE_INFO]);
const EMPTY = Buffer.alloc(0);

function fail(stream: ServerHttp2Stream, status: number, message: string): void {
  if (stream.destroyed || stream.closed) return;
  const trailers = { "grpc-status": String(status), "grpc-message": encodeURIComponent(message) };
  if (!stream.headersSent) {
    stream.respond({ ":status": 200, "content-type": "application/grpc", ...trailers }, { endStream: true });
    return;
  }
  stream.once("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end();
}

function succeed(stream: ServerHttp2Stream): void {
  if (stream.destroyed || stream.closed || stream.headersSent) return;
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": String(GRPC_STATUS.OK) }));
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.end(frame(EMPTY));
}

/** storage_broker.BrokerService on one HTTP/2 stream per call. */
export class BrokerService {
  readonly #hub: Hub;
  readonly #log: Logger;
  #publishers = 0;

  constructor(hub: Hub, log: Logger) {
    this.#hub = hub;
    this.#log = log;
  }

  get activePublishers(): number {
    return this.#publishers;
  }

  handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders & { ":path"?: string }): void {
    stream.on("error", (error) => this.#log.debug(`stream failed: ${errorText(error)}`));
    const path = headers[":path"] ?? "";
    if (headers["content-type"]?.startsWith("application/grpc") !== true) {
      stream.respond({ ":status": 404 }, { endStream: true });
    } else if (path === `${SERVICE_PATH}PublishSafekeeperInfo`) {
      this.#publishers += 1;
      stream.once("close", () => (this.#publishers -= 1));
      this.#receive(stream, (message) => this.#hub.publish(routeTimelineInfo(message)), succeed);
    } else if (path === `${SERVICE_PATH}PublishOne`) {
      this.#receive(stream, (message) => this.#hub.publish(decodeTypedMessage(message)), succeed);
    } else if (path === `${SERVICE_PATH}SubscribeSafekeeperInfo`) {
      this.#receive(stream, (message) => {
        this.#subscribe(stream, decodeSubscribeRequest(message), TIMELINE_INFO_ONLY, (sent) => sent.body);
      });
    } else if (path === `${SERVICE_PATH}SubscribeByFilter`) {
      this.#receive(stream, (message) => {
        const { filter, types } = decodeFilterRequest(message);
        this.#subscribe(stream, filter, types, encodeTypedMessage);
      });
    } else {
      fail(stream, GRPC_STATUS.UNIMPLEMENTED, `unknown method ${path}`);
    }
  }

  #receive(
    stream: ServerHttp2Stream,
    onMessage: (message: Buffer) => void,
    onEnd?: (stream: ServerHttp2Stream) => void,
  ): void {
    const reader = new FrameReader();
    stream.on("data", (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk)) onMessage(message);
      } catch (error) {
        this.#log.info(`refused a message: ${errorText(error)}`);
        stream.removeAllListeners("data").resume();
        fail(stream, GRPC_STATUS.INVALID_ARGUMENT, errorText(error));
      }
    });
    stream.once("end", () => onEnd?.(stream));
  }

  #subscribe(
    stream: ServerHttp2Stream,
    filter: "all" | TenantTimelineId,
    types: ReadonlySet<number>,
    encode: (message: RoutedMessage) => Buffer,
  ): void {
    let dropped = 0;
    const subscriber: Subscriber = {
      filter,
      types,
      deliver: (message) => {
        if (stream.writableLength > SUBSCRIBER_BUFFER_LIMIT || !stream.writable) {
          dropped += 1;
          return false;
        }
        if (dropped > 0) this.#log.info(`a slow subscriber missed ${dropped} messages`);
        dropped = 0;
        stream.write(frame(encode(message)));
        return true;
      },
    };
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    this.#hub.subscribe(subscriber);
    stream.once("close", () => this.#hub.unsubscribe(subscriber));
  }
}

import type { ClientHttp2Stream } from "node:http2";
import { errorText, type Logger } from "../service";
import { BrokerConnection, type StandingCall } from "./connection";
import { frame, FrameReader } from "./framing";
import {
  decodeSafekeeperTimelineInfo,
  encodeSafekeeperTimelineInfo,
  encodeSubscribeRequest,
  type SafekeeperTimelineInfo,
  type TenantTimelineId,
} from "./messages";

export type { SafekeeperTimelineInfo } from "./messages";

export interface Publisher {
  /** Sends the news. Without a connection the latest of each timeline is kept until there is one. Never throws. */
  publish(info: SafekeeperTimelineInfo): void;
}

export interface Subscription {
  close(): void;
}

/** Bytes a publisher may have unsent before it waits for the broker to take them. */
const PUBLISHER_BUFFER_LIMIT = 1 << 20;

class PublishCall implements StandingCall, Publisher {
  readonly method = "PublishSafekeeperInfo";
  readonly #unsent = new Map<string, SafekeeperTimelineInfo>();
  #stream: ClientHttp2Stream | undefined;

  publish(info: SafekeeperTimelineInfo): void {
    this.#unsent.set(`${info.tenantId}/${info.timelineId}`, info);
    this.#flush();
  }

  opened(stream: ClientHttp2Stream): void {
    this.#stream = stream;
    stream.resume();
    stream.on("drain", () => this.#flush());
    // What is written before the connection stands would be lost with it.
    stream.once("ready", () => this.#flush());
  }

  lost(): void {
    this.#stream = undefined;
  }

  #flush(): void {
    const stream = this.#stream;
    if (stream === undefined || stream.pending || !stream.writable) return;
    for (const [timeline, info] of this.#unsent) {
      if (stream.writableLength > PUBLISHER_BUFFER_LIMIT) return;
      this.#unsent.delete(timeline);
      stream.write(frame(encodeSafekeeperTimelineInfo(info)));
    }
  }
}

class SubscribeCall implements StandingCall {
  readonly method = "SubscribeSafekeeperInfo";
  readonly #request: Buffer;
  readonly #log: Logger;
  readonly #onInfo: (info: SafekeeperTimelineInfo) => void;
  readonly #onConnected: (() => void) | undefined;

  constructor(request: Buffer, log: Logger, onInfo: (info: SafekeeperTimelineInfo) => void, onConnected?: () => void) {
    this.#request = request;
    this.#log = log;
    this.#onInfo = onInfo;
    this.#onConnected = onConnected;
  }

  opened(stream: ClientHttp2Stream): void {
    const reader = new FrameReader();
    stream.end(frame(this.#request));
    stream.once("response", (headers) => {
      if (headers[":status"] === 200 && headers["grpc-status"] === undefined) this.#onConnected?.();
    });
    stream.on("data", (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk)) this.#onInfo(decodeSafekeeperTimelineInfo(message));
      } catch (error) {
        this.#log.error(`broker subscription failed: ${errorText(error)}`);
        stream.destroy();
      }
    });
  }

  lost(): void {
    this.#log.debug("broker subscription lost");
  }
}

/** The safekeepers' and pageservers' side of the storage broker. Reconnects forever; nothing here throws. */
export class BrokerClient {
  readonly #connection: BrokerConnection;
  readonly #log: Logger;
  #publisher: PublishCall | undefined;

  constructor(options: { endpoint: string; log: Logger }) {
    this.#log = options.log;
    this.#connection = new BrokerConnection(options.endpoint, options.log);
  }

  publisher(): Publisher {
    if (this.#publisher === undefined) {
      this.#publisher = new PublishCall();
      this.#connection.add(this.#publisher);
    }
    return this.#publisher;
  }

  /** News of every timeline or of one; `onConnected` tells each time that the broker took the subscription. */
  subscribe(
    filter: "all" | TenantTimelineId,
    onInfo: (info: SafekeeperTimelineInfo) => void,
    options: { onConnected?: () => void } = {},
  ): Subscription {
    const call = new SubscribeCall(encodeSubscribeRequest(filter), this.#log, onInfo, options.onConnected);
    this.#connection.add(call);
    return { close: () => this.#connection.remove(call) };
  }

  close(): void {
    this.#connection.close();
  }
}

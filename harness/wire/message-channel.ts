import type net from "node:net";

import { ConnectionError } from "./errors";
import { FrameParser } from "./frame-parser";
import type { Message } from "./frame-parser";

/** High enough that WAL at full speed does not wait for a drain at every message. */
export const SOCKET_BUFFER_BYTES = 256 * 1024;
/** How many unread bytes may pile up before the socket is paused. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/** Larger payloads go to the kernel beside their header instead of being copied behind it. */
const COPY_LIMIT = 4096;

/** Small messages count for what they cost in memory, so that very many of them cannot pile up either. */
const weight = (message: Message): number => message.body.length + 64;

type Listener = (message: Message | undefined) => void;

/**
 * Messages over one socket, both ways, with back-pressure both ways. Received messages wait in a queue for `receive()`, or go to
 * the listener given to `redirect()`. The end of the stream is `undefined`.
 */
export class MessageChannel {
  readonly socket: net.Socket;
  readonly closed: AbortSignal;
  readonly #closing = new AbortController();
  readonly #parser: FrameParser;
  readonly #queue: Message[] = [];
  #queuedBytes = 0;
  #ended = false;
  #held = false;
  #reader: Listener | undefined;
  #listener: Listener | undefined;
  #bytes: ((chunk: Buffer) => void) | undefined;
  #drainWaiters: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #failure: Error | undefined;
  #destroyedHere = false;

  constructor(socket: net.Socket, options: { expectStartup: boolean }) {
    this.socket = socket;
    this.closed = this.#closing.signal;
    this.#parser = new FrameParser({
      expectStartup: options.expectStartup,
      deliver: (message) => this.#accept(message),
    });
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#parse(chunk));
    socket.on("drain", () => this.#onDrain());
    socket.on("error", (error) => (this.#failure ??= error));
    socket.on("end", () => this.#onEnd());
    socket.on("close", () => this.#onClose());
  }

  /** Why the connection was lost, as far as it is known. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** True when this side ended the connection. */
  get destroyedHere(): boolean {
    return this.#destroyedHere;
  }

  /** The next message, or undefined when the peer is gone. One reader at a time. */
  receive(): Promise<Message | undefined> {
    const message = this.#dequeue();
    if (message !== undefined || this.#ended) return Promise.resolve(message);
    return new Promise((resolve) => {
      this.#reader = (next) => {
        this.#reader = undefined;
        resolve(next);
      };
    });
  }

  /** Sends every message from now on (waiting ones first) to `listener`, and after undefined back into the queue. */
  redirect(listener: Listener | undefined): void {
    this.#listener = listener;
    this.#flushToListener();
  }

  /** Gives all bytes from now on to `listener`, uncut. There must be none of a message that has begun. */
  redirectBytes(listener: (chunk: Buffer) => void): void {
    this.#bytes = listener;
  }

  /** What was read into memory that will be read into again. */
  pushShared(chunk: Buffer): void {
    // Messages keep the memory of their chunk.
    this.#parse(this.#bytes === undefined ? Buffer.from(chunk) : chunk);
  }

  /** Stops reading: the peer will be blocked when the pipe is full. What was read already waits in the queue. */
  hold(): void {
    this.#held = true;
    this.socket.pause();
  }

  release(): void {
    this.#held = false;
    this.#flushToListener();
    this.#resumeIfRoom();
  }

  /**
   * Writes ready bytes. False means that the socket is over its high-water mark: await `drained()`. `done` is called when they
   * may be changed again.
   */
  sendRaw(bytes: Buffer, done?: () => void): boolean {
    if (!this.#writable()) return false;
    return this.socket.write(bytes, done);
  }

  /** Writes one message. The payload must not be changed afterwards. */
  send(tag: string, payload: Buffer): boolean {
    if (!this.#writable()) return false;
    const small = payload.length <= COPY_LIMIT;
    const head = Buffer.allocUnsafe(small ? 5 + payload.length : 5);
    head[0] = tag.charCodeAt(0);
    head.writeUInt32BE(payload.length + 4, 1);
    if (small) {
      payload.copy(head, 5);
      return this.socket.write(head);
    }
    this.socket.cork();
    this.socket.write(head);
    const roomLeft = this.socket.write(payload);
    this.socket.uncork();
    return roomLeft;
  }

  /** Resolves when the socket takes data again; rejects when the connection is closed first. */
  drained(): Promise<void> {
    if (!this.#writable()) return Promise.reject(this.closedError());
    if (!this.socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve, reject) => this.#drainWaiters.push({ resolve, reject }));
  }

  /** Closes after what was written has been sent. */
  endAfterWrites(): void {
    this.#destroyedHere = true;
    this.socket.destroySoon();
  }

  /** Ends everything at once, whether the peer reads or not. */
  destroy(error?: Error): void {
    if (this.socket.destroyed) return;
    this.#destroyedHere = true;
    this.#failure ??= error;
    this.socket.destroy();
    this.#onEnd();
    this.#rejectDrainWaiters();
  }

  closedError(): ConnectionError {
    const reason = this.#failure === undefined ? "" : `: ${this.#failure.message}`;
    const code = (this.#failure as NodeJS.ErrnoException | undefined)?.code;
    const what = this.#destroyedHere ? "the connection was closed here" : "the peer closed the connection";
    return new ConnectionError(`${what}${reason}`, { code, cause: this.#failure });
  }

  #writable(): boolean {
    return !this.socket.destroyed && this.socket.writable;
  }

  #parse(chunk: Buffer): void {
    if (this.socket.destroyed) return;
    try {
      if (this.#bytes === undefined) this.#parser.push(chunk);
      else this.#bytes(chunk);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #accept(message: Message): void {
    if (this.#listener !== undefined && !this.#held) return this.#listener(message);
    if (this.#reader !== undefined) return this.#reader(message);
    this.#queue.push(message);
    this.#queuedBytes += weight(message);
    if (this.#queuedBytes > MAX_UNREAD_BYTES) this.socket.pause();
  }

  #dequeue(): Message | undefined {
    const message = this.#queue.shift();
    if (message === undefined) return undefined;
    this.#queuedBytes -= weight(message);
    this.#resumeIfRoom();
    return message;
  }

  #flushToListener(): void {
    while (this.#listener !== undefined && !this.#held) {
      const message = this.#dequeue();
      if (message === undefined) {
        if (this.#ended) this.#listener(undefined);
        return;
      }
      this.#listener(message);
    }
  }

  #resumeIfRoom(): void {
    if (this.#held || this.#queuedBytes > MAX_UNREAD_BYTES / 2 || this.socket.destroyed) return;
    if (this.socket.isPaused()) this.socket.resume();
  }

  #onEnd(): void {
    if (this.#ended) return;
    this.#ended = true;
    // Half-open connections have no meaning in this protocol.
    this.socket.destroy();
    this.#reader?.(undefined);
    this.#flushToListener();
  }

  #onDrain(): void {
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const waiter of waiters) waiter.resolve();
  }

  #rejectDrainWaiters(): void {
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const waiter of waiters) waiter.reject(this.closedError());
  }

  #onClose(): void {
    this.#onEnd();
    this.#rejectDrainWaiters();
    this.#closing.abort(this.closedError());
  }
}

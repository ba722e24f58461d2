import { copyDone, parseErrorResponse } from "./backend-messages";
import { PgError } from "./errors";
import type { Message } from "./frame-parser";
import type { MessageChannel } from "./message-channel";

/** How many bytes may wait for the iterating reader before the socket is paused. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** Both directions of a COPY BOTH, on either side. Incoming data is either iterated or taken by `onData`, not both. */
export class CopyBothStream implements AsyncIterable<Buffer> {
  /** Resolves when the peer has finished, failed, or is gone, even if some of its data is still unread; it never rejects. */
  readonly ended: Promise<void>;
  readonly #channel: MessageChannel;
  readonly #side: "client" | "server";
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #listener: ((payload: Buffer) => void) | undefined;
  #taker: ((payload: Buffer) => boolean) | undefined;
  #wake: (() => void) | undefined;
  #resolveEnded: () => void = () => undefined;
  #open = true;
  #paused = false;
  #writable = true;
  #peerFinished = false;
  #terminated = false;
  #error: Error | undefined;

  constructor(channel: MessageChannel, side: "client" | "server") {
    this.#channel = channel;
    this.#side = side;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    const onClosed = (): void => this.#end();
    channel.closed.addEventListener("abort", onClosed, { once: true });
    void this.ended.then(() => channel.closed.removeEventListener("abort", onClosed));
    channel.redirect((message) => this.#accept(message));
  }

  /** True when the peer sent CopyDone, false when it is still sending, failed or went away. */
  get peerFinished(): boolean {
    return this.#peerFinished;
  }

  /** True when the peer sent Terminate: the server closes the connection after the command. */
  get terminated(): boolean {
    return this.#terminated;
  }

  /** Why the stream ended, when it did not end well: what an iteration throws, for users of `onData`. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** True once `finish()` was called or nothing can be sent any more. */
  get finished(): boolean {
    return !this.#writable;
  }

  /** Bytes written here that the kernel has not taken yet. */
  get writableLength(): number {
    return this.#channel.socket.writableLength;
  }

  /** False means that the socket is over its high-water mark (or closed): await `drained()` before writing more. */
  write(payload: Buffer): boolean {
    return this.#writable ? this.#channel.send("d", payload) : false;
  }

  /** Writes whole CopyData messages, with their heads; `done` is called when their memory may be used again. */
  writeMessages(messages: Buffer, done: () => void): boolean {
    return this.#writable ? this.#channel.sendRaw(messages, done) : false;
  }

  /** True where `write` has just said false, and `drained()` would wait. */
  get isFull(): boolean {
    return this.#channel.socket.writableNeedDrain;
  }

  /** Rejects with ConnectionError when the connection closes. */
  drained(): Promise<void> {
    return this.#channel.drained();
  }

  /** Gives every payload to `listener`, waiting ones first, instead of iterating. Nothing is buffered unless paused. */
  onData(listener: (payload: Buffer) => void): void {
    this.#listener = listener;
    this.#flush();
    this.#relieve();
  }

  /**
   * Offers what comes while the iterating reader waits to `taker` first, which takes it at once and says so, or leaves it to
   * the reader. What it throws ends the stream, and the reader gets it.
   */
  offer(taker: (payload: Buffer) => boolean): void {
    this.#taker = taker;
  }

  /**
   * Gives the peer's bytes to `listener` as they come, whole messages with their heads, before it has sent any. The end of
   * the stream is then the listener's to find, but for that of the connection.
   */
  onBytes(listener: (chunk: Buffer) => void): void {
    this.#channel.redirectBytes(listener);
  }

  /** Stops reading from the peer until `resume()`. */
  pause(): void {
    this.#paused = true;
    // What the peer sends after the stream's end is not ours to hold.
    if (this.#open) this.#channel.hold();
  }

  resume(): void {
    this.#paused = false;
    this.#flush();
    if (!this.#paused) this.#relieve();
  }

  /** Sends CopyDone: nothing more will be written. */
  finish(): void {
    if (!this.#writable) return;
    this.#writable = false;
    this.#channel.sendRaw(copyDone);
  }

  /** Ends the whole connection at once. */
  destroy(): void {
    this.#channel.destroy();
  }

  /** Gives the connection back to its owner; called when the command is over. */
  detach(): void {
    this.#writable = false;
    this.#paused = false;
    this.#end();
    this.#channel.release();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const payload = this.#queue.shift();
      if (payload !== undefined) {
        this.#queuedBytes -= payload.length;
        this.#relieve();
        yield payload;
      } else if (this.#open) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      } else {
        if (this.#error !== undefined) throw this.#error;
        return;
      }
    }
  }

  #accept(message: Message | undefined): void {
    if (message === undefined) return this.#end();
    switch (message.tag) {
      case "d":
        return this.#take(message.body);
      case "c":
      // A Postgres that shuts down ends replication by CommandComplete, without CopyDone.
      case "C":
        this.#peerFinished = true;
        return this.#end();
      case "f":
        return this.#end(new PgError(`COPY failed: ${message.body.subarray(0, -1).toString()}`, "57014"));
      case "E":
        this.#writable = false;
        return this.#end(parseErrorResponse(message.body));
      case "X":
        this.#terminated = true;
        return this.#end();
      case "N":
      case "S":
      case "H":
        return;
      default:
        return this.#end(new PgError(`unexpected message type "${message.tag}" during COPY`, "08P01"));
    }
  }

  #take(payload: Buffer): void {
    if (this.#listener !== undefined && !this.#paused) return this.#listener(payload);
    if (this.#taker !== undefined && this.#wake !== undefined && this.#isTaken(this.#taker, payload)) return;
    this.#queue.push(payload);
    this.#queuedBytes += payload.length;
    if (this.#queuedBytes > MAX_UNREAD_BYTES) this.#channel.hold();
    this.#wakeReader();
  }

  #isTaken(taker: (payload: Buffer) => boolean, payload: Buffer): boolean {
    try {
      return taker(payload);
    } catch (error) {
      this.#end(error as Error);
      return true;
    }
  }

  #flush(): void {
    while (this.#listener !== undefined && !this.#paused) {
      const payload = this.#queue.shift();
      if (payload === undefined) return;
      this.#queuedBytes -= payload.length;
      this.#listener(payload);
    }
  }

  #relieve(): void {
    if (!this.#paused && this.#open && this.#queuedBytes <= MAX_UNREAD_BYTES / 2) this.#channel.release();
  }

  #end(error?: Error): void {
    if (!this.#open) return;
    this.#open = false;
    const lost = this.#side === "client" && !this.#peerFinished && !this.#channel.destroyedHere;
    if (error !== undefined) this.#error = error;
    // A server sees clients come and go; a client whose server went away must not take what it has for the whole.
    else if (lost && this.#channel.socket.destroyed) this.#error = this.#channel.closedError();
    if (this.#channel.socket.destroyed) this.#writable = false;
    this.#channel.redirect(undefined);
    this.#resolveEnded();
    this.#wakeReader();
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

import type { Socket } from "node:net";
import { bytesIn, connectionQueues, isFull } from "./tcp-queues";
import type { ConnectionQueues } from "./tcp-queues";

export interface StallOptions {
  /** How long full queues must have stood still, default 500 ms. */
  blockedForMs?: number | undefined;
  /** Where queues can't be seen: how long the socket must have taken nothing, default 2000 ms. */
  stalledForMs?: number | undefined;
}

/** A clock alone would take a busy event loop for a full pipe. */
const MIN_CHECKS = 3;

/**
 * Tells when a server is blocked because its client doesn't read. Where the kernel shows both ends, that is when requests
 * and answers stand in all four queues and none of them moves: a server that is merely slow, or reads no requests for
 * another reason, is not blocked. Elsewhere only the clock can tell.
 */
export class Stall {
  readonly #socket: Socket;
  readonly #blockedForMs: number;
  readonly #stalledForMs: number;
  #queues: ConnectionQueues | undefined;
  #stoodStillSince = performance.now();
  #checks = 0;

  constructor(socket: Socket, options: StallOptions) {
    this.#socket = socket;
    this.#blockedForMs = options.blockedForMs ?? 500;
    this.#stalledForMs = options.stalledForMs ?? 2000;
  }

  /** The socket has taken something. */
  progress(): void {
    this.#stoodStillSince = performance.now();
    this.#checks = 0;
  }

  get sinceMs(): number {
    return Math.round(performance.now() - this.#stoodStillSince);
  }

  /** Looks at the queues again. */
  isComplete(): boolean {
    const before = this.#queues;
    this.#queues = connectionQueues(this.#socket);
    if (moved(before, this.#queues)) this.progress();
    this.#checks += 1;
    if (this.#checks < MIN_CHECKS) return false;
    if (this.#queues === undefined) return this.sinceMs >= this.#stalledForMs;
    return isFull(this.#queues) && this.sinceMs >= this.#blockedForMs;
  }

  /** What is waited for, and what the queues were when they were looked at last. */
  describe(): string {
    const expected = `expected ${this.#queues === undefined ? `a stall of ${this.#stalledForMs}` : `full queues for ${this.#blockedForMs}`} ms`;
    if (this.#queues === undefined) return expected;
    const [sent, unread, answers, unreadAnswers] = bytesIn(this.#queues);
    return (
      `${expected}, found ${sent} bytes of requests on their way, ${unread} unread; ` +
      `${answers} bytes of answers on their way, ${unreadAnswers} unread`
    );
  }
}

const moved = (before: ConnectionQueues | undefined, now: ConnectionQueues | undefined): boolean =>
  before !== undefined && now !== undefined && String(bytesIn(before)) !== String(bytesIn(now));

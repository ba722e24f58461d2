import type { Socket } from "node:net";
import { sleep } from "../wait/sleep";
import { Wakeup } from "./wakeup";

/** How bytes fare in one direction. */
export interface LinkConditions {
  /** ms from a byte's arrival at the proxy to its departure. */
  latencyMs: number;
  bytesPerSecond: number;
  /** Nothing gets through; it is kept, and comes when the link is mended. */
  isBlocked: boolean;
}

export const GOOD_CONDITIONS: LinkConditions = { latencyMs: 0, bytesPerSecond: Infinity, isBlocked: false };

/** Chunks of up to 64 KiB: more would let a fast sender fill the memory. */
const MOST_WAITING = 64;

/** One direction of all connections. Its conditions may change at any time. */
export class Link {
  #conditions = GOOD_CONDITIONS;
  readonly #changed = new Wakeup();

  set(conditions: Partial<LinkConditions>): void {
    this.#conditions = { ...this.#conditions, ...conditions };
    this.#changed.fire();
  }

  /** Carries what `from` sends to `to`, until one of them is closed. */
  async carry(from: Socket, to: Socket): Promise<void> {
    const arrivals: { chunk: Buffer; at: number }[] = [];
    const news = new Wakeup();
    const wake = (): void => news.fire();
    const closed = new Promise<void>((resolve) => to.once("close", () => resolve()));
    to.on("drain", wake).on("close", wake);
    from.on("end", wake).on("data", (chunk: Buffer) => {
      arrivals.push({ chunk, at: performance.now() });
      if (arrivals.length > MOST_WAITING) from.pause();
      wake();
    });
    while (!to.destroyed) {
      const next = arrivals.shift();
      if (next !== undefined) {
        await this.#pass(next.chunk, next.at, closed, () => to.destroyed);
        if (!to.destroyed && !to.write(next.chunk)) await news.next();
      } else if (from.readableEnded) {
        to.end();
        return;
      } else {
        from.resume();
        await news.next();
      }
    }
  }

  /** Resolves when the chunk may leave. */
  async #pass(chunk: Buffer, arrivedAt: number, closed: Promise<void>, isClosed: () => boolean): Promise<void> {
    while (this.#conditions.isBlocked && !isClosed()) await Promise.race([this.#changed.next(), closed]);
    const { latencyMs, bytesPerSecond } = this.#conditions;
    const due = arrivedAt + latencyMs - performance.now();
    const pause = Math.max(0, due) + (chunk.length / bytesPerSecond) * 1000;
    if (pause > 0) await sleep(pause);
  }
}

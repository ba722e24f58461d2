import { pause } from "../service";

/** Growing delays: `first`, then half as much again each time, up to `limit`; in milliseconds. */
export class Backoff {
  readonly #first: number;
  readonly #limit: number;
  #next: number;

  constructor(first: number, limit: number) {
    this.#first = first;
    this.#limit = limit;
    this.#next = first;
  }

  async wait(signal: AbortSignal): Promise<void> {
    const delay = this.#next;
    this.#next = Math.min(this.#limit, delay * 1.5);
    await pause(delay, signal);
  }

  reset(): void {
    this.#next = this.#first;
  }
}

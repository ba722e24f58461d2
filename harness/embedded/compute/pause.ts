/** Resolves after `ms`, or at once when the signal is aborted. For retrying with a back-off and for nothing else. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}

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

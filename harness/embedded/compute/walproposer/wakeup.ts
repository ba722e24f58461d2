/**
 * Lets any number of loops sleep until something changed. Check the condition and call wait() without an await between
 * them: then no wake-up can be missed.
 */
export class Wakeup {
  #wake: () => void = () => undefined;
  #next: Promise<void>;

  constructor() {
    this.#next = this.#arm();
  }

  wait(): Promise<void> {
    return this.#next;
  }

  wake(): void {
    const wake = this.#wake;
    this.#next = this.#arm();
    wake();
  }

  #arm(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}

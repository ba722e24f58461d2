/**
 * Lets any number of loops sleep until something changed. Check the condition and call wait() without an await between
 * them: then no wake-up can be missed.
 */
export class Wakeup {
  #wake: (() => void) | undefined;
  #next: Promise<void> | undefined;

  wait(): Promise<void> {
    return (this.#next ??= new Promise((resolve) => (this.#wake = resolve)));
  }

  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    this.#next = undefined;
    wake?.();
  }
}

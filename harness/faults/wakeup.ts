/** Lets any number of waiters go on when something has happened; who comes later waits for the next time. */
export class Wakeup {
  #waiters: (() => void)[] = [];

  next(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  fire(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}

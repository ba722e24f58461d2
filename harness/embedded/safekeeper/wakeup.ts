/** Lets one loop wait for "something happened" without missing what happens between two waits. */
export class Wakeup {
  #pending = false;
  #resolve: ((woken: boolean) => void) | undefined;

  notify(): void {
    this.#pending = true;
    this.#resolve?.(true);
  }

  /** True when notified (also before the call), false after `timeoutMs`. */
  async wait(timeoutMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const woken =
      this.#pending ||
      (await new Promise<boolean>((resolve) => {
        this.#resolve = resolve;
        timer = setTimeout(() => resolve(false), timeoutMs);
      }));
    clearTimeout(timer);
    this.#resolve = undefined;
    this.#pending = false;
    return woken;
  }
}

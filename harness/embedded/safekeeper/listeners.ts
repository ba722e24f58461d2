/** Who wants to know that something moved. Listeners must not throw. */
export class Listeners {
  readonly #listeners = new Set<() => void>();

  /** Returns the function that takes the listener away again. */
  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

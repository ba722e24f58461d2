/** Who reads a timeline's layers just now. */
export class ReadTracker {
  readonly #reads = new Set<Promise<void>>();

  /** Notes a read; call the result when it has ended. */
  begin(): () => void {
    let end = (): void => undefined;
    const read = new Promise<void>((resolve) => (end = resolve));
    this.#reads.add(read);
    return () => {
      this.#reads.delete(read);
      end();
    };
  }

  get active(): number {
    return this.#reads.size;
  }

  /** Resolves when all reads that go on now have ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#reads);
  }
}

/** Runs tasks one after another. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();
  #tasks = 0;

  /** Whether a task runs or waits. */
  get isTaken(): boolean {
    return this.#tasks > 0;
  }

  run<T>(task: () => T | Promise<T>): Promise<T> {
    this.#tasks += 1;
    const result = this.#tail.then(task).finally(() => {
      this.#tasks -= 1;
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

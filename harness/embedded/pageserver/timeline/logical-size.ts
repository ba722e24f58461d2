/** Bytes of all relations at the end of the timeline: estimated from the layers until somebody counts them. */
export class LogicalSize {
  #value = 0;
  #accurate = false;

  get value(): number {
    return this.#value;
  }

  get accurate(): boolean {
    return this.#accurate;
  }

  estimate(bytes: number): void {
    if (!this.#accurate) this.#value = bytes;
  }

  counted(bytes: number): void {
    this.#value = bytes;
    this.#accurate = true;
  }
}

/** Puts something together from pieces of buffers that belong to others, without copying what comes in one piece. */
export class PieceCollector {
  #kept: Buffer = Buffer.alloc(0);
  #keptLength = 0;
  #pieces: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** Copies what still lies in others' buffers. The store doubles, so that a long record costs linear time. */
  keep(): void {
    if (this.#pieces.length === 0) return;
    if (this.#kept.length < this.#length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, 2 * this.#kept.length));
      this.#kept.copy(larger, 0, 0, this.#keptLength);
      this.#kept = larger;
    }
    for (const piece of this.#pieces) this.#keptLength += piece.copy(this.#kept, this.#keptLength);
    this.#pieces = [];
  }

  /** Everything so far; valid until the next call of `clear` and the owners' next use of their buffers. */
  bytes(): Buffer {
    const [first] = this.#pieces;
    if (this.#keptLength === 0 && this.#pieces.length === 1 && first !== undefined) return first;
    if (this.#keptLength === 0) return Buffer.concat(this.#pieces);
    this.keep();
    return this.#kept.subarray(0, this.#keptLength);
  }

  clear(): void {
    this.#kept = Buffer.alloc(0);
    this.#keptLength = 0;
    this.#pieces = [];
    this.#length = 0;
  }
}

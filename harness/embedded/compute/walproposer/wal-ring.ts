import type { Lsn } from "../../../types";

/** The newest WAL, [start, end), in a fixed amount of memory. Appending drops the oldest bytes when it is full. */
export class WalRing {
  readonly capacity: number;
  readonly #bytes: Buffer;
  #start: Lsn;
  #end: Lsn;

  constructor(startLsn: Lsn, capacity: number) {
    this.capacity = capacity;
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
    this.#start = startLsn;
    this.#end = startLsn;
  }

  get start(): Lsn {
    return this.#start;
  }

  get end(): Lsn {
    return this.#end;
  }

  append(bytes: Buffer): void {
    if (bytes.length > this.capacity) throw new RangeError(`${bytes.length} bytes of WAL at once`);
    const offset = this.#offset(this.#end);
    const first = bytes.copy(this.#bytes, offset);
    if (first < bytes.length) bytes.copy(this.#bytes, 0, first);
    this.#end += BigInt(bytes.length);
    const oldest = this.#end - BigInt(this.capacity);
    if (oldest > this.#start) this.#start = oldest;
  }

  /** At most `limit` bytes from `from`, which must lie in [start, end]. They share memory: use them before the next append. */
  view(from: Lsn, limit: number): Buffer {
    if (from < this.#start || from > this.#end) throw new RangeError("this WAL is not in the buffer");
    const offset = this.#offset(from);
    const length = Math.min(limit, Number(this.#end - from), this.capacity - offset);
    return this.#bytes.subarray(offset, offset + length);
  }

  #offset(lsn: Lsn): number {
    return Number(lsn % BigInt(this.capacity));
  }
}

import { MOST_PAGE_MESSAGE_BYTES, PAGE_SIZE, startPageMessage } from "../../../wire";
import type { CopyBothStream, PagestreamVersion } from "../../../wire";
import type { PagePlace } from "./answer";

/** What a connection's socket takes before it says that it is full (256 KiB) holds so many messages. */
const MESSAGES = 31;
/** Buffers that wait to be used again, of all connections together. */
const MOST_SPARE = 16;

/** Memory of one size that is used again and again. */
class Spare {
  readonly #size: number;
  readonly #buffers: Buffer[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  take(): Buffer {
    return this.#buffers.pop() ?? Buffer.allocUnsafe(this.#size);
  }

  put(buffer: Buffer): void {
    if (this.#buffers.length < MOST_SPARE) this.#buffers.push(buffer);
  }
}

const forOne = new Spare(MOST_PAGE_MESSAGE_BYTES);
const forMany = new Spare(MESSAGES * MOST_PAGE_MESSAGE_BYTES);
const spareOf = (buffer: Buffer): Spare => (buffer.length === MOST_PAGE_MESSAGE_BYTES ? forOne : forMany);

/**
 * Pages for one client, put together in one piece of memory that is used again when the kernel has it: what is allocated for
 * each page has V8 collect garbage all the time. Whatever else is sent to the client, the batch has to be sent before.
 */
export class AnswerBatch {
  readonly #stream: CopyBothStream;
  readonly #version: PagestreamVersion;
  #buffer: Buffer | undefined;
  #length = 0;

  constructor(stream: CopyBothStream, version: PagestreamVersion) {
    this.#stream = stream;
    this.#version = version;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Adds the answer to this request, if `read` puts a page to where it is told. */
  add(request: Buffer, read: (place: PagePlace) => boolean): boolean {
    const target = this.#withRoom();
    const at = startPageMessage(target, this.#length, this.#version, request);
    if (!read({ target, at })) return false;
    this.#length = at + PAGE_SIZE;
    return true;
  }

  send(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    const length = this.#length;
    this.#buffer = undefined;
    this.#length = 0;
    const recycle = (): void => spareOf(buffer).put(buffer);
    if (length === 0) return recycle();
    this.#stream.writeMessages(buffer.subarray(0, length), recycle);
  }

  /** Memory with room for one more message. One page alone, which may wait for long, takes no more than it needs. */
  #withRoom(): Buffer {
    if (this.#buffer === undefined) return (this.#buffer = forOne.take());
    if (this.#length + MOST_PAGE_MESSAGE_BYTES <= this.#buffer.length) return this.#buffer;
    if (spareOf(this.#buffer) === forMany) {
      this.send();
      return (this.#buffer = forOne.take());
    }
    const larger = forMany.take();
    this.#buffer.copy(larger, 0, 0, this.#length);
    forOne.put(this.#buffer);
    return (this.#buffer = larger);
  }
}

import { MOST_PAGE_MESSAGE_BYTES, PAGE_SIZE, startPageMessage } from "../../../wire";
import type { CopyBothStream, PagestreamVersion } from "../../../wire";

/** About as many bytes as a socket takes before it says that it is full. */
const MESSAGES = 32;
/** Buffers that wait to be used again, of all connections together. */
const MOST_SPARE = 16;

const spare: Buffer[] = [];

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
  add(request: Buffer, read: (target: Buffer, at: number) => boolean): boolean {
    this.#buffer ??= spare.pop() ?? Buffer.allocUnsafe(MESSAGES * MOST_PAGE_MESSAGE_BYTES);
    const at = startPageMessage(this.#buffer, this.#length, this.#version, request);
    if (!read(this.#buffer, at)) return false;
    this.#length = at + PAGE_SIZE;
    if (this.#length + MOST_PAGE_MESSAGE_BYTES > this.#buffer.length) this.send();
    return true;
  }

  send(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    const length = this.#length;
    this.#buffer = undefined;
    this.#length = 0;
    const recycle = (): void => {
      if (spare.length < MOST_SPARE) spare.push(buffer);
    };
    if (length === 0) return recycle();
    this.#stream.writeMessages(buffer.subarray(0, length), recycle);
  }
}

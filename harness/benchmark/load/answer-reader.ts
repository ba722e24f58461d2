import { FrameParser } from "../../wire";
import type { Message } from "../../wire";

const GETPAGE_ANSWER = 102;
const COPY_DATA = "d".charCodeAt(0);
/** Tag, length, and the first byte of what follows: the kind of the answer. */
const HEAD = 6;

/**
 * Counts the pages in what a page service sends, and passes over their bytes: who generates a load must not spend its time
 * on cutting them out. The first message that is no page is read as usual, and everything after it.
 */
export class AnswerReader {
  readonly #onPage: () => void;
  readonly #onOther: (message: Message) => void;
  readonly #head = Buffer.alloc(HEAD);
  #filled = 0;
  #toSkip = 0;
  #usual: FrameParser | undefined;

  constructor(on: { page: () => void; other: (message: Message) => void }) {
    this.#onPage = on.page;
    this.#onOther = on.other;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.#usual === undefined) {
      if (this.#toSkip === 0) at = this.#readHead(chunk, at);
      const count = Math.min(this.#toSkip, chunk.length - at);
      if (count === 0) continue;
      at += count;
      this.#toSkip -= count;
      if (this.#toSkip === 0) this.#onPage();
    }
    this.#usual?.push(chunk.subarray(at));
  }

  /** Where what follows the head begins; a head that goes on in the next chunk is kept. */
  #readHead(chunk: Buffer, start: number): number {
    if (this.#filled === 0 && start + HEAD <= chunk.length) {
      this.#look(chunk, start);
      return start + HEAD;
    }
    const copied = chunk.copy(this.#head, this.#filled, start, start + HEAD - this.#filled);
    this.#filled += copied;
    if (this.#filled === HEAD) {
      this.#filled = 0;
      this.#look(this.#head, 0);
    }
    return start + copied;
  }

  #look(bytes: Buffer, at: number): void {
    if (bytes[at] === COPY_DATA && bytes[at + HEAD - 1] === GETPAGE_ANSWER) {
      this.#toSkip = bytes.readUInt32BE(at + 1) - (HEAD - 1);
      return;
    }
    this.#usual = new FrameParser({ expectStartup: false, deliver: this.#onOther });
    this.#usual.push(Buffer.from(bytes.subarray(at, at + HEAD)));
  }
}

import { parseTarHeader, TAR_BLOCK } from "./tar";
import type { TarEntry } from "./tar";

export interface TarVisitor {
  entry(entry: TarEntry): void;
  /** The bytes of the file that was announced last, in pieces. */
  bytes(piece: Buffer): void;
}

/** Takes a tar in pieces of any size and tells a visitor what is in it. */
export class TarReader {
  readonly #visitor: TarVisitor;
  #pending = Buffer.alloc(0);
  #fileLeft = 0;
  #paddingLeft = 0;
  #ended = false;

  constructor(visitor: TarVisitor) {
    this.#visitor = visitor;
  }

  push(piece: Buffer): void {
    let offset = 0;
    while (offset < piece.length && !this.#ended) offset += this.#take(piece, offset);
  }

  /** Throws when the archive was cut off. */
  finish(): void {
    if (!this.#ended) throw new Error("tar: the archive ends too early");
  }

  #take(piece: Buffer, offset: number): number {
    const available = piece.length - offset;
    if (this.#fileLeft > 0) {
      const taken = Math.min(available, this.#fileLeft);
      this.#visitor.bytes(piece.subarray(offset, offset + taken));
      this.#fileLeft -= taken;
      return taken;
    }
    if (this.#paddingLeft > 0) {
      const taken = Math.min(available, this.#paddingLeft);
      this.#paddingLeft -= taken;
      return taken;
    }
    const taken = Math.min(available, TAR_BLOCK - this.#pending.length);
    const part = piece.subarray(offset, offset + taken);
    const block = this.#pending.length === 0 ? part : Buffer.concat([this.#pending, part]);
    if (block.length < TAR_BLOCK) {
      this.#pending = Buffer.from(block);
    } else {
      this.#pending = Buffer.alloc(0);
      this.#header(block);
    }
    return taken;
  }

  #header(block: Buffer): void {
    const entry = parseTarHeader(block);
    if (entry === undefined) {
      this.#ended = true;
      return;
    }
    this.#fileLeft = entry.size;
    this.#paddingLeft = (TAR_BLOCK - (entry.size % TAR_BLOCK)) % TAR_BLOCK;
    this.#visitor.entry(entry);
  }
}

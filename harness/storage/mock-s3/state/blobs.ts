import type { Segment } from "./types";

/** Where objects' bytes are kept. A blob may have those of several objects: a segment says which part is whose. */
export interface Blobs {
  /** `announced` is how many bytes the client says will come. */
  create(announced: number): BlobWriter;
  /** The bytes of a blob from `start` to `end` (exclusive). */
  read(blob: number, start: number, end: number): AsyncIterable<Buffer> | Buffer;
  /** Nobody has anything in it any more. */
  remove(blob: number): void;
  close(): void;
}

export interface BlobWriter {
  write(data: Buffer): Promise<void> | void;
  /** Where it is now; whoever wants it must hold it before anything else happens. */
  finish(): Promise<Segment> | Segment;
  /** Forgets what was written. */
  abandon(): Promise<void> | void;
}

export class MemoryBlobs implements Blobs {
  readonly #blobs = new Map<number, Buffer>();
  #next = 1;

  create(): BlobWriter {
    const blob = this.#next++;
    const chunks: Buffer[] = [];
    return {
      write: (data) => void chunks.push(data),
      finish: () => {
        const bytes = Buffer.concat(chunks);
        this.#blobs.set(blob, bytes);
        return { blob, size: bytes.length };
      },
      abandon: () => undefined,
    };
  }

  read(blob: number, start: number, end: number): Buffer {
    return (this.#blobs.get(blob) ?? Buffer.alloc(0)).subarray(start, end);
  }

  remove(blob: number): void {
    this.#blobs.delete(blob);
  }

  close(): void {
    this.#blobs.clear();
  }
}

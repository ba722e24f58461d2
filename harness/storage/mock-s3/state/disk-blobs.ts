import { closeSync, mkdirSync, openSync, readdirSync, readSync, unlinkSync, writevSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Blobs, BlobWriter } from "./blobs";
import type { Segment } from "./types";

/** Smaller ones share files: making one costs more than writing into it. They are written and read in one go. */
const SMALL = 256 * 1024;
const PACK_BYTES = 16 * 1024 * 1024;
const READ_STEP = 256 * 1024;

interface Pack {
  blob: number;
  file: number;
  size: number;
}

/** One file per large object, and packs of small ones. A pack goes when nothing in it is needed any more. */
export class DiskBlobs implements Blobs {
  readonly #dir: string;
  #next = 1;
  #pack: Pack | undefined;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true });
  }

  /** Removes what no object refers to (the server was killed before it was done), and goes on counting after the rest. */
  keepOnly(used: ReadonlySet<number>): void {
    for (const name of readdirSync(this.#dir)) {
      const blob = Number(name);
      if (used.has(blob)) this.#next = Math.max(this.#next, blob + 1);
      else unlinkSync(join(this.#dir, name));
    }
  }

  create(announced: number): BlobWriter {
    if (announced > SMALL) return new LargeWriter(this.#next++, (blob) => this.#path(blob));
    const chunks: Buffer[] = [];
    return {
      write: (data) => void chunks.push(data),
      finish: () => this.#append(chunks),
      abandon: () => void (chunks.length = 0),
    };
  }

  read(blob: number, start: number, end: number): AsyncIterable<Buffer> | Buffer {
    if (end - start > SMALL) return readInSteps(this.#path(blob), start, end);
    if (this.#pack?.blob === blob) return readAt(this.#pack.file, start, end);
    const file = openSync(this.#path(blob), "r");
    try {
      return readAt(file, start, end);
    } finally {
      closeSync(file);
    }
  }

  remove(blob: number): void {
    if (this.#pack?.blob === blob) this.close();
    unlinkSync(this.#path(blob));
  }

  close(): void {
    if (this.#pack !== undefined) closeSync(this.#pack.file);
    this.#pack = undefined;
  }

  #append(chunks: readonly Buffer[]): Segment {
    const pack = (this.#pack ??= this.#newPack());
    const size = chunks.reduce((sum, { length }) => sum + length, 0);
    if (size > 0 && writevSync(pack.file, chunks, pack.size) !== size) throw new Error("ENOSPC: the disk is full");
    const segment = { blob: pack.blob, size, offset: pack.size };
    pack.size += size;
    if (pack.size >= PACK_BYTES) this.close();
    return segment;
  }

  #newPack(): Pack {
    const blob = this.#next++;
    return { blob, file: openSync(this.#path(blob), "w+"), size: 0 };
  }

  #path(blob: number): string {
    return join(this.#dir, String(blob));
  }
}

function readAt(file: number, start: number, end: number): Buffer {
  const buffer = Buffer.allocUnsafe(end - start);
  const count = readSync(file, buffer, 0, buffer.length, start);
  return buffer.subarray(0, count);
}

class LargeWriter implements BlobWriter {
  readonly #blob: number;
  readonly #path: string;
  #file: FileHandle | undefined;
  #size = 0;

  constructor(blob: number, pathOf: (blob: number) => string) {
    this.#blob = blob;
    this.#path = pathOf(blob);
  }

  async write(data: Buffer): Promise<void> {
    this.#file ??= await open(this.#path, "w");
    await this.#file.writeFile(data);
    this.#size += data.length;
  }

  async finish(): Promise<Segment> {
    this.#file ??= await open(this.#path, "w");
    await this.#file.close();
    return { blob: this.#blob, size: this.#size };
  }

  async abandon(): Promise<void> {
    if (this.#file === undefined) return;
    await this.#file.close();
    unlinkSync(this.#path);
  }
}

async function* readInSteps(path: string, start: number, end: number): AsyncGenerator<Buffer> {
  const file = await open(path, "r");
  try {
    for (let at = start; at < end;) {
      const buffer = Buffer.allocUnsafe(Math.min(READ_STEP, end - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

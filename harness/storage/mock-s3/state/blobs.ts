import { closeSync, mkdirSync, openSync, readdirSync, readSync, unlinkSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";

/** Where objects' bytes are kept, by number. */
export interface Blobs {
  /** `announced` is how many bytes the client says will come. */
  create(announced: number): BlobWriter;
  /** The bytes from `start` to `end` (exclusive). */
  read(blob: number, start: number, end: number): AsyncIterable<Buffer> | Buffer;
  remove(blob: number): void;
}

export interface BlobWriter {
  readonly blob: number;
  write(data: Buffer): Promise<void> | void;
  finish(): Promise<void> | void;
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
      blob,
      write: (data) => void chunks.push(data),
      finish: () => void this.#blobs.set(blob, Buffer.concat(chunks)),
      abandon: () => undefined,
    };
  }

  read(blob: number, start: number, end: number): Buffer {
    return (this.#blobs.get(blob) ?? Buffer.alloc(0)).subarray(start, end);
  }

  remove(blob: number): void {
    this.#blobs.delete(blob);
  }
}

/** Smaller ones are written and read in one go: the file system's cache answers faster than a thread would. */
const SMALL = 256 * 1024;
const READ_STEP = 256 * 1024;
const FOLDERS = 256;

/** One file per blob, in 256 folders, which are made when they are needed. */
export class DiskBlobs implements Blobs {
  readonly #dir: string;
  readonly #made = new Set<number>();
  #next = 1;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true });
    for (const name of readdirSync(dir)) this.#made.add(Number.parseInt(name, 16));
  }

  /** Removes what no object refers to (the server was killed before it was done), and goes on counting after the rest. */
  keepOnly(used: ReadonlySet<number>): void {
    for (const folder of this.#made) {
      for (const name of readdirSync(this.#folder(folder))) {
        const blob = Number(name);
        if (used.has(blob)) this.#next = Math.max(this.#next, blob + 1);
        else unlinkSync(join(this.#folder(folder), name));
      }
    }
  }

  create(announced: number): BlobWriter {
    const blob = this.#next++;
    const path = this.#path(blob);
    const folder = blob % FOLDERS;
    if (!this.#made.has(folder)) mkdirSync(this.#folder(folder));
    this.#made.add(folder);
    return announced <= SMALL ? new SmallWriter(blob, path) : new LargeWriter(blob, path);
  }

  read(blob: number, start: number, end: number): AsyncIterable<Buffer> | Buffer {
    return end - start <= SMALL ? this.#readAtOnce(blob, start, end) : readInSteps(this.#path(blob), start, end);
  }

  remove(blob: number): void {
    unlinkSync(this.#path(blob));
  }

  #readAtOnce(blob: number, start: number, end: number): Buffer {
    const file = openSync(this.#path(blob), "r");
    try {
      const buffer = Buffer.allocUnsafe(end - start);
      const count = readSync(file, buffer, 0, buffer.length, start);
      return buffer.subarray(0, count);
    } finally {
      closeSync(file);
    }
  }

  #path(blob: number): string {
    return join(this.#folder(blob % FOLDERS), String(blob));
  }

  #folder(number: number): string {
    return join(this.#dir, number.toString(16).padStart(2, "0"));
  }
}

class SmallWriter implements BlobWriter {
  readonly blob: number;
  readonly #path: string;
  readonly #chunks: Buffer[] = [];

  constructor(blob: number, path: string) {
    this.blob = blob;
    this.#path = path;
  }

  write(data: Buffer): void {
    this.#chunks.push(data);
  }

  finish(): void {
    const [only] = this.#chunks;
    writeFileSync(this.#path, this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks));
  }

  abandon(): void {
    this.#chunks.length = 0;
  }
}

class LargeWriter implements BlobWriter {
  readonly blob: number;
  readonly #path: string;
  #file: FileHandle | undefined;

  constructor(blob: number, path: string) {
    this.blob = blob;
    this.#path = path;
  }

  async write(data: Buffer): Promise<void> {
    this.#file ??= await open(this.#path, "w");
    await this.#file.writeFile(data);
  }

  async finish(): Promise<void> {
    if (this.#file === undefined) writeFileSync(this.#path, "");
    await this.#file?.close();
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

import { createWriteStream, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import { create } from "tar";

const FILE = "everything.tar.zst";
const LEVEL = 3;
/** Bytes per frame, where each frame is compressed by itself. Frames that follow each other are one zstd stream. */
const FRAME = 4 * 1024 * 1024;

/** Packs all that is in a test's directory into `everything.tar.zst` in there; returns its path. */
export async function packEverything(directory: string): Promise<string> {
  const target = join(directory, FILE);
  const names = readdirSync(directory).filter((name) => name !== FILE);
  const draft = `${target}.draft`;
  await pipeline(create({ cwd: directory }, names), await compressor(), createWriteStream(draft));
  renameSync(draft, target);
  return target;
}

let zstd: Promise<(bytes: Uint8Array, level: number) => Uint8Array> | undefined;

/** Its init() never returns when it is called a second time. */
async function loadZstd(): Promise<(bytes: Uint8Array, level: number) => Uint8Array> {
  const { compress, init } = await import("@bokuweb/zstd-wasm");
  await init();
  return compress;
}

/** Node's own zstd, from 22.15 on; before that the same in WebAssembly. */
async function compressor(): Promise<Transform> {
  if ("createZstdCompress" in zlib) return (zlib as { createZstdCompress(): Transform }).createZstdCompress();
  const compress = await (zstd ??= loadZstd());
  let waiting: Buffer[] = [];
  const frame = (): Uint8Array => {
    const bytes = Buffer.concat(waiting);
    waiting = [];
    return compress(bytes, LEVEL);
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      waiting.push(chunk);
      const isFull = waiting.reduce((sum, { length }) => sum + length, 0) >= FRAME;
      done(null, isFull ? frame() : undefined);
    },
    flush(done) {
      done(null, waiting.length > 0 ? frame() : undefined);
    },
  });
}

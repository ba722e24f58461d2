import { randomUUID } from "node:crypto";
import { open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { ImageManifest } from "./image";
import { tarHeader, tarPadding } from "./tar";

export interface ImageParts {
  manifest: ImageManifest;
  walPrefix: Iterable<Buffer> | AsyncIterable<Buffer>;
  dataDir: string;
  outFile: string;
  /** Files that get other contents than they have in `dataDir`, by name. */
  replaced?: ReadonlyMap<string, Buffer>;
  leaveOut?: ReadonlySet<string>;
  signal?: AbortSignal | undefined;
}

/** What a data directory holds only while, or because, a server runs in it. */
const NEVER =
  /^(postmaster\.(pid|opts)|.*pg_internal\.init|current_logfiles|postgresql\.auto\.conf\.tmp|pg_stat\/pgstat\.stat)$/;
const CHUNK = 1024 * 1024;

/** Writes an image file of a data directory in which no server runs; `outFile` appears whole or not at all. */
export async function writeImage(parts: ImageParts): Promise<void> {
  const temporary = `${parts.outFile}.${randomUUID()}.___temp`;
  const handle = await open(temporary, "w", 0o644);
  try {
    await handle.write(`${JSON.stringify(parts.manifest)}\n`);
    await writeWal(handle, parts);
    await packDirectory(handle, parts, "");
    await handle.close();
    await rename(temporary, parts.outFile);
  } catch (error) {
    await handle.close();
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeWal(out: FileHandle, { walPrefix, manifest, signal }: ImageParts): Promise<void> {
  let written = 0;
  for await (const piece of walPrefix) {
    signal?.throwIfAborted();
    await out.write(piece);
    written += piece.length;
  }
  if (written !== manifest.walPrefixSize) throw new Error(`${written} bytes of WAL, not ${manifest.walPrefixSize}`);
}

async function packDirectory(out: FileHandle, parts: ImageParts, below: string): Promise<void> {
  const entries = await readdir(join(parts.dataDir, below), { withFileTypes: true });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = below === "" ? entry.name : `${below}/${entry.name}`;
    if (NEVER.test(name) || parts.leaveOut?.has(name) === true) continue;
    parts.signal?.throwIfAborted();
    if (entry.isDirectory()) {
      await out.write(tarHeader({ name, kind: "directory", size: 0 }));
      await packDirectory(out, parts, name);
    } else if (!name.startsWith("pg_wal/")) {
      await packFile(out, parts, name);
    }
  }
}

async function packFile(out: FileHandle, parts: ImageParts, name: string): Promise<void> {
  const path = join(parts.dataDir, name);
  const { size } = await stat(path);
  if (size > CHUNK) return packLargeFile(out, parts, name, size);
  const bytes = parts.replaced?.get(name) ?? (await readFile(path));
  const padding = tarPadding(bytes.length);
  await out.write(Buffer.concat([tarHeader({ name, kind: "file", size: bytes.length }), bytes, padding]));
}

async function packLargeFile(out: FileHandle, parts: ImageParts, name: string, size: number): Promise<void> {
  const input = await open(join(parts.dataDir, name), "r");
  const chunk = Buffer.allocUnsafe(CHUNK);
  try {
    await out.write(tarHeader({ name, kind: "file", size }));
    for (let left = size; left > 0;) {
      parts.signal?.throwIfAborted();
      const { bytesRead } = await input.read(chunk, 0, Math.min(CHUNK, left));
      if (bytesRead === 0) throw new Error(`${name} became shorter while it was packed`);
      await out.write(chunk, 0, bytesRead);
      left -= bytesRead;
    }
    await out.write(tarPadding(size));
  } finally {
    await input.close();
  }
}

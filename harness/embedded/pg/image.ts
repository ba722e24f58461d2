import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { Lsn } from "../../types";
import type { PgVersion } from "../../types";
import { WalDecoder } from "../wal/decoder";
import { segmentFileName, segmentOffset, segmentStart } from "../wal/segments";
import { readControl } from "./control";
import { tarHeader, tarPadding } from "./tar";

export { bootstrapImage } from "./bootstrap";

/**
 * The first line of an image file. After it come `walPrefixSize` bytes of WAL, then the files of the data directory as
 * tar entries without the blocks that end an archive.
 */
export interface ImageManifest {
  format: 1;
  pgVersion: PgVersion;
  systemId: string;
  walSegSize: number;
  /** The checkpoint of initdb (or the one that the image was cut at): where replay begins. */
  initdbLsn: string;
  /** End of that checkpoint's record: the image serves any LSN from here on. */
  lsn: string;
  /** WAL from the start of redo's segment up to `lsn`, which no layer has. */
  walPrefixSize: number;
}

/** Reads the manifest of an image file. */
export async function readImageManifest(file: string): Promise<ImageManifest> {
  return (await readImageHead(file)).manifest;
}

/** The manifest, the WAL that came with the image, and where its tar entries begin. */
export async function readImageHead(
  file: string,
): Promise<{ manifest: ImageManifest; walPrefix: Buffer; tarOffset: number }> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    const newline = buffer.subarray(0, bytesRead).indexOf(0x0a);
    if (newline === -1) throw new Error(`${file} is not an image: it has no manifest`);
    const manifest = JSON.parse(buffer.toString("utf8", 0, newline)) as ImageManifest;
    const walPrefix = Buffer.alloc(manifest.walPrefixSize);
    await handle.read(walPrefix, 0, walPrefix.length, newline + 1);
    return { manifest, walPrefix, tarOffset: newline + 1 + walPrefix.length };
  } finally {
    await handle.close();
  }
}

/** The tar entries of an image file. */
export function readImageTar(file: string, tarOffset: number): AsyncIterable<Buffer> {
  return createReadStream(file, { start: tarOffset, highWaterMark: 512 * 1024 });
}

/** What a data directory holds only while, or because, a server runs in it. */
const LEFT_OUT = /^(postmaster\.(pid|opts)|.*pg_internal\.init|current_logfiles|postgresql\.auto\.conf\.tmp)$/;

/** Makes an image of a cleanly stopped data directory, at its last checkpoint; `outFile` appears whole or not at all. */
export async function imageOfDirectory(dataDir: string, pgVersion: PgVersion, outFile: string): Promise<ImageManifest> {
  const control = readControl(await readFile(join(dataDir, "global", "pg_control")));
  const { walSegSize, redo } = control;
  const segment = await readFile(join(dataDir, "pg_wal", segmentFileName(redo, walSegSize)));
  const lsn = endOfRecordAt(segment, control.checkpoint, walSegSize, pgVersion);
  const walPrefix = segment.subarray(0, Number(lsn - segmentStart(redo, walSegSize)));
  const manifest: ImageManifest = {
    format: 1,
    pgVersion,
    systemId: String(control.systemId),
    walSegSize,
    initdbLsn: Lsn.format(redo),
    lsn: Lsn.format(lsn),
    walPrefixSize: walPrefix.length,
  };
  const temporary = `${outFile}.${randomUUID()}.___temp`;
  const handle = await open(temporary, "w", 0o644);
  try {
    await handle.write(`${JSON.stringify(manifest)}\n`);
    if (walPrefix.length > 0) await handle.write(walPrefix);
    await packDirectory(handle, dataDir, "");
    await handle.close();
    await rename(temporary, outFile);
  } catch (error) {
    await handle.close();
    await rm(temporary, { force: true });
    throw error;
  }
  return manifest;
}

function endOfRecordAt(segment: Buffer, checkpoint: Lsn, walSegSize: number, pgVersion: PgVersion): Lsn {
  let end: Lsn | undefined;
  const decoder = new WalDecoder({
    startLsn: checkpoint,
    walSegSize,
    pgVersion,
    checkCrc: true,
    onRecord: (record) => (end ??= record.end),
  });
  // A checkpoint record is small; what follows it in a stopped directory are zeros, which are no WAL.
  const offset = segmentOffset(checkpoint, walSegSize);
  for (let size = 8; end === undefined && size <= 1024; size += 8) {
    const from = Number(decoder.position - segmentStart(checkpoint, walSegSize));
    decoder.push(decoder.position, segment.subarray(from, offset + size));
  }
  if (end === undefined) throw new Error(`there is no checkpoint record at ${Lsn.format(checkpoint)}`);
  return end;
}

async function packDirectory(out: FileHandle, root: string, below: string): Promise<void> {
  const entries = await readdir(join(root, below), { withFileTypes: true });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = below === "" ? entry.name : `${below}/${entry.name}`;
    if (LEFT_OUT.test(name)) continue;
    if (entry.isDirectory()) {
      await out.write(tarHeader({ name, kind: "directory", size: 0 }));
      await packDirectory(out, root, name);
    } else if (!name.startsWith("pg_wal/")) {
      await packFile(out, join(root, name), name);
    }
  }
}

async function packFile(out: FileHandle, path: string, name: string): Promise<void> {
  const { size } = await stat(path);
  const bytes = await readFile(path);
  if (bytes.length !== size) throw new Error(`${path} changed while it was packed`);
  await out.writev([tarHeader({ name, kind: "file", size }), bytes, tarPadding(size)]);
}

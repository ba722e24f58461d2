import { createReadStream } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Lsn } from "../../types";
import type { PgVersion } from "../../types";
import { WalDecoder } from "../wal/decoder";
import { segmentFileName, segmentOffset, segmentStart } from "../wal/segments";
import { readControl } from "./control";
import { writeImage } from "./image-writer";

export { bootstrapImage } from "./bootstrap";

/**
 * The first line of an image file. After it come `walPrefixSize` bytes of WAL, then the files of the data directory as
 * tar entries without the blocks that end an archive.
 */
export interface ImageManifest {
  format: 2;
  pgVersion: PgVersion;
  systemId: string;
  walSegSize: number;
  /** Start of the checkpoint record that recovery begins with, and of the WAL that it replays. */
  checkpoint: string;
  redo: string;
  /** The image serves any LSN from here on: a record boundary. */
  lsn: string;
  /** Start of the last record before `lsn`. */
  prevRecordLsn: string;
  /** WAL from the start of redo's segment up to `lsn`, so that no layer below the image is needed. */
  walPrefixSize: number;
  /** What pg_control says, in base64: the next image is made with it. */
  control: string;
}

export interface ImageHead {
  manifest: ImageManifest;
  /** Where in the file the WAL begins, and where the tar entries do. */
  walOffset: number;
  tarOffset: number;
}

const MANIFEST_ROOM = 4096;
/** The used part of pg_control is shorter; the rest of the file is zeros. */
export const CONTROL_SIZE = 512;

/** Reads the manifest of an image file. */
export async function readImageManifest(file: string): Promise<ImageManifest> {
  return (await readImageHead(file)).manifest;
}

/** The manifest and where the other parts of the file are. Throws with the file's name when it is no image. */
export async function readImageHead(file: string): Promise<ImageHead> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MANIFEST_ROOM), 0, MANIFEST_ROOM, 0);
    const newline = buffer.subarray(0, bytesRead).indexOf(0x0a);
    if (newline === -1) throw new Error(`${file} is not an image: it has no manifest`);
    const manifest = parseManifest(buffer.toString("utf8", 0, newline), file);
    return { manifest, walOffset: newline + 1, tarOffset: newline + 1 + manifest.walPrefixSize };
  } finally {
    await handle.close();
  }
}

function parseManifest(text: string, file: string): ImageManifest {
  try {
    const manifest = JSON.parse(text) as ImageManifest;
    if (manifest.format === 2) return manifest;
  } catch (cause) {
    throw new Error(`${file} is not an image: its manifest is damaged`, { cause });
  }
  throw new Error(`${file} is an image of another format`);
}

/** The WAL that came with the image. */
export async function* readImageWal(file: string, head: ImageHead): AsyncGenerator<Buffer> {
  if (head.manifest.walPrefixSize === 0) return;
  const range = { start: head.walOffset, end: head.tarOffset - 1 };
  yield* createReadStream(file, { ...range, highWaterMark: 512 * 1024 }) as AsyncIterable<Buffer>;
}

/** The tar entries of an image file. */
export function readImageTar(file: string, tarOffset: number): AsyncIterable<Buffer> {
  return createReadStream(file, { start: tarOffset, highWaterMark: 512 * 1024 });
}

/** Makes an image of a cleanly stopped data directory, at its last checkpoint; `outFile` appears whole or not at all. */
export async function imageOfDirectory(dataDir: string, pgVersion: PgVersion, outFile: string): Promise<ImageManifest> {
  const file = await readFile(join(dataDir, "global", "pg_control"));
  const { walSegSize, redo, checkpoint, systemId } = readControl(file);
  const segment = await readFile(join(dataDir, "pg_wal", segmentFileName(redo, walSegSize)));
  const lsn = endOfRecordAt(segment, checkpoint, walSegSize, pgVersion);
  const walPrefix = segment.subarray(0, Number(lsn - segmentStart(redo, walSegSize)));
  const manifest: ImageManifest = {
    format: 2,
    pgVersion,
    systemId: String(systemId),
    walSegSize,
    checkpoint: Lsn.format(checkpoint),
    redo: Lsn.format(redo),
    lsn: Lsn.format(lsn),
    prevRecordLsn: Lsn.format(checkpoint),
    walPrefixSize: walPrefix.length,
    control: file.toString("base64", 0, CONTROL_SIZE),
  };
  await writeImage({ manifest, walPrefix: [walPrefix], dataDir, outFile });
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

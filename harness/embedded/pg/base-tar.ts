import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Lsn } from "../../types";
import type { PgVersion } from "../../types";
import { WalDecoder } from "../wal/decoder";
import { segmentFileName, segmentStart } from "../wal/segments";
import { replayAuxFiles } from "./aux-files";
import { markInProduction, readControl } from "./control";
import { readImageHead, readImageTar, readImageWal } from "./image";
import { TAR_END, tarHeader, tarPadding } from "./tar";
import { unpackTar } from "./unpack";

/** Contiguous WAL: the bytes [from, to) in pieces. */
export interface WalSource {
  read(from: Lsn, to: Lsn): AsyncIterable<Buffer>;
}

/** What came with a base: where its WAL ends, and of which database it is. */
export interface BaseFacts {
  lsn: Lsn;
  /** Up to here the data directory had come without replaying WAL. */
  imageLsn: Lsn;
  systemId: bigint;
  walSegSize: number;
  pgVersion: PgVersion;
  /** Start of the last record before `lsn`: what the first record after it names as its predecessor. */
  prevRecord: Lsn;
}

export interface BaseOptions {
  imageFile: string;
  wal: WalSource;
  /** A record boundary. */
  lsn: Lsn;
  /** A record boundary below `lsn`: what is before it is known to be whole records and is not decoded. */
  boundary?: Lsn | undefined;
}

const FACTS_FILE = "neon_base.json";

/**
 * A data directory as a tar, with the WAL that brings it to `lsn` (a record boundary) when crash recovery replays it:
 * all of the image, then pg_wal from the start of redo's segment, filled with zeros after `lsn`.
 */
export async function* streamBase(options: BaseOptions): AsyncGenerator<Buffer> {
  const { imageFile, wal, lsn } = options;
  const head = await readImageHead(imageFile);
  const { manifest } = head;
  const imageLsn = Lsn.parse(manifest.lsn);
  if (lsn < imageLsn) throw new Error(`the image serves from ${manifest.lsn} on, not ${Lsn.format(lsn)}`);
  const { walSegSize, pgVersion } = manifest;
  yield* readImageTar(imageFile, head.tarOffset);
  const start = imageLsn - BigInt(manifest.walPrefixSize);
  const boundary = options.boundary !== undefined && options.boundary > imageLsn ? options.boundary : imageLsn;
  const decoder = new WalDecoder({ startLsn: boundary, walSegSize, pgVersion });
  const known = boundary > imageLsn ? [wal.read(imageLsn, boundary)] : [];
  const pieces = [readImageWal(imageFile, head), ...known, decodedOnTheWay(decoder, wal, lsn)];
  yield* segments(oneAfterAnother(pieces), start, lsn, walSegSize);
  if (decoder.recordEnd !== lsn) throw new Error(`no record ends at ${Lsn.format(lsn)}`);
  const prevRecord = decoder.prevRecord === 0n ? manifest.prevRecordLsn : Lsn.format(decoder.prevRecord);
  const positions = { lsn: Lsn.format(lsn), imageLsn: manifest.lsn, prevRecord };
  const facts = { ...positions, systemId: manifest.systemId, walSegSize, pgVersion };
  yield* tarFile(FACTS_FILE, Buffer.from(JSON.stringify(facts)));
  yield TAR_END;
}

function* tarFile(name: string, bytes: Buffer): Generator<Buffer> {
  yield tarHeader({ name, kind: "file", size: bytes.length });
  yield bytes;
  yield tarPadding(bytes.length);
}

async function* oneAfterAnother(streams: readonly AsyncIterable<Buffer>[]): AsyncGenerator<Buffer> {
  for (const stream of streams) yield* stream;
}

/** Postgres can be started at record ends only, so the stream is decoded while it passes. */
async function* decodedOnTheWay(decoder: WalDecoder, wal: WalSource, to: Lsn): AsyncGenerator<Buffer> {
  if (decoder.position >= to) return;
  for await (const piece of wal.read(decoder.position, to)) {
    decoder.push(decoder.position, piece);
    yield piece;
  }
}

/** Cuts WAL that begins at a segment's start into segment files; the last is filled with zeros. */
async function* segments(wal: AsyncIterable<Buffer>, start: Lsn, end: Lsn, walSegSize: number): AsyncGenerator<Buffer> {
  let at = start;
  let room = 0;
  for await (const piece of wal) {
    for (let rest = piece; rest.length > 0;) {
      if (room === 0) {
        yield segmentHeader(at, walSegSize);
        room = walSegSize;
      }
      const part = rest.subarray(0, room);
      yield part;
      rest = rest.subarray(part.length);
      at += BigInt(part.length);
      room -= part.length;
    }
  }
  if (at !== end) throw new Error(`the WAL ends at ${Lsn.format(at)}, not ${Lsn.format(end)}`);
  // Segment sizes are multiples of a tar block, so no padding follows them.
  if (room > 0) yield Buffer.alloc(room);
}

function segmentHeader(lsn: Lsn, walSegSize: number): Buffer {
  if (lsn !== segmentStart(lsn, walSegSize))
    throw new Error(`WAL must begin with a segment, not at ${Lsn.format(lsn)}`);
  return tarHeader({ name: `pg_wal/${segmentFileName(lsn, walSegSize)}`, kind: "file", size: walSegSize });
}

/** Unpacks a base into `dataDir` (existing, empty), ready for crash recovery: see `markInProduction`. */
export async function unpackBase(source: AsyncIterable<Buffer>, dataDir: string): Promise<BaseFacts> {
  const kept = await unpackTar(source, dataDir, new Set([FACTS_FILE]));
  const facts = parseFacts(kept.get(FACTS_FILE));
  const path = join(dataDir, "global", "pg_control");
  const control = readFileSync(path);
  const { systemId } = readControl(control);
  if (systemId !== facts.systemId) throw new Error(`the base is of system ${systemId}, not ${facts.systemId}`);
  writeFileSync(path, markInProduction(control));
  replayAuxFiles(dataDir, facts);
  return facts;
}

type PlainFacts = Record<"lsn" | "imageLsn" | "systemId" | "prevRecord", string> &
  Pick<BaseFacts, "walSegSize" | "pgVersion">;

function parseFacts(file: Buffer | undefined): BaseFacts {
  if (file === undefined) throw new Error(`the base has no ${FACTS_FILE}`);
  const { systemId, walSegSize, pgVersion, ...plain } = JSON.parse(file.toString("utf8")) as PlainFacts;
  const { lsn, imageLsn, prevRecord } = plain;
  const positions = { lsn: Lsn.parse(lsn), imageLsn: Lsn.parse(imageLsn), prevRecord: Lsn.parse(prevRecord) };
  return { ...positions, systemId: BigInt(systemId), walSegSize, pgVersion };
}

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Lsn } from "../../types";
import { segmentStart } from "../wal/segments";
import { controlForRecovery } from "./control";
import { CONTROL_SIZE } from "./image";
import type { ImageManifest } from "./image";
import { writeImage } from "./image-writer";
import { readHistory, readSegments } from "./seal-history";
import type { WalHistory } from "./seal-history";

export interface SealOptions {
  /** A directory that `materialize` built at `lsn`; it is only read. */
  dataDir: string;
  /** Of the image that it was built from. */
  source: ImageManifest;
  lsn: Lsn;
  outFile: string;
  signal?: AbortSignal | undefined;
}

/**
 * Makes an image of a materialised directory, which serves any LSN from `lsn` on. The directory is a fork: its server wrote
 * a checkpoint of its own at `lsn`. The image must not know of it, so its pg_control names the last checkpoint of the
 * timeline itself; replaying again what the pages have already does no harm.
 */
export async function sealImage(options: SealOptions): Promise<ImageManifest> {
  const { dataDir, source, lsn, outFile, signal } = options;
  const history = await readHistory(dataDir, source, lsn, signal);
  const checkpoint = history.checkpoint?.lsn ?? Lsn.parse(source.checkpoint);
  const redo = history.checkpoint?.redo ?? Lsn.parse(source.redo);
  const control = await sealedControl(dataDir, source, history);
  const start = segmentStart(redo, source.walSegSize);
  const manifest: ImageManifest = {
    ...source,
    checkpoint: Lsn.format(checkpoint),
    redo: Lsn.format(redo),
    lsn: Lsn.format(lsn),
    prevRecordLsn: Lsn.format(history.prevRecordLsn),
    walPrefixSize: Number(lsn - start),
    control: control.toString("base64", 0, CONTROL_SIZE),
  };
  await writeImage({
    manifest,
    walPrefix: readSegments(join(dataDir, "pg_wal"), start, lsn, source.walSegSize),
    dataDir,
    outFile,
    replaced: new Map([["global/pg_control", control]]),
    leaveOut: await preparedSince(dataDir, history, redo),
    signal,
  });
  return manifest;
}

/** The source's pg_control, for that of the directory has the settings of the throw-away server. */
async function sealedControl(dataDir: string, source: ImageManifest, history: WalHistory): Promise<Buffer> {
  const { length } = await readFile(join(dataDir, "global", "pg_control"));
  const file = Buffer.alloc(length);
  file.write(source.control, "base64");
  return controlForRecovery(file, history);
}

/**
 * The files of transactions that were prepared behind redo. Recovery would take them for transactions of the future and
 * throw them away; without them it makes them again from the WAL.
 */
async function preparedSince(dataDir: string, { prepared }: WalHistory, redo: Lsn): Promise<Set<string>> {
  const late = new Set(prepared.filter(({ lsn }) => lsn >= redo).map(({ xid }) => xid));
  const names = await readdir(join(dataDir, "pg_twophase"));
  // Since PostgreSQL 17 the epoch stands before the transaction's number.
  const isLate = (name: string): boolean => late.has(Number.parseInt(name.slice(-8), 16));
  return new Set(names.filter(isLate).map((name) => `pg_twophase/${name}`));
}

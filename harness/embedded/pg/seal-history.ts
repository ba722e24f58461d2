import { open } from "node:fs/promises";
import { join } from "node:path";
import { Lsn } from "../../types";
import { WalDecoder } from "../wal/decoder";
import type { WalRecord } from "../wal/decoder";
import { factOf } from "../wal/records";
import { segmentFileName, segmentOffset, segmentStart } from "../wal/segments";
import type { ImageManifest } from "./image";

/** What happened in a stretch of WAL, as far as pg_control and pg_twophase tell of it. */
export interface WalHistory {
  /** The last checkpoint whose record ended in the stretch. */
  checkpoint: { lsn: Lsn; redo: Lsn; body: Buffer } | undefined;
  prepared: { lsn: Lsn; xid: number }[];
  /** The last change of settings that pg_control holds. */
  parameters: Buffer | undefined;
  prevRecordLsn: Lsn;
}

const CHUNK = 512 * 1024;

/** Reads the WAL of a data directory from the redo point of the image that it came from up to `lsn`. */
export async function readHistory(
  dataDir: string,
  source: ImageManifest,
  lsn: Lsn,
  signal?: AbortSignal,
): Promise<WalHistory> {
  const { walSegSize, pgVersion } = source;
  const redo = Lsn.parse(source.redo);
  const history: WalHistory = { checkpoint: undefined, prepared: [], parameters: undefined, prevRecordLsn: 0n };
  const onRecord = (record: WalRecord): void => note(history, record);
  const decoder = new WalDecoder({ startLsn: redo, walSegSize, pgVersion, onRecord });
  for await (const piece of readSegments(join(dataDir, "pg_wal"), redo, lsn, walSegSize)) {
    signal?.throwIfAborted();
    decoder.push(decoder.position, piece);
  }
  if (decoder.recordEnd !== lsn) throw new Error(`no record ends at ${Lsn.format(lsn)}`);
  return history;
}

function note(history: WalHistory, record: WalRecord): void {
  history.prevRecordLsn = record.lsn;
  const fact = factOf(record);
  if (fact?.kind === "checkpoint") {
    history.checkpoint = { lsn: record.lsn, redo: fact.redo, body: Buffer.from(fact.body) };
  }
  if (fact?.kind === "prepare") history.prepared.push({ lsn: record.lsn, xid: record.xid });
  if (fact?.kind === "parameters") history.parameters = Buffer.from(fact.body);
}

/** The bytes [from, to) out of segment files. */
export async function* readSegments(dir: string, from: Lsn, to: Lsn, walSegSize: number): AsyncGenerator<Buffer> {
  for (let at = from; at < to;) {
    const next = segmentStart(at, walSegSize) + BigInt(walSegSize);
    const end = to < next ? to : next;
    const handle = await open(join(dir, segmentFileName(at, walSegSize)), "r");
    try {
      while (at < end) {
        const length = Math.min(CHUNK, Number(end - at));
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, segmentOffset(at, walSegSize));
        if (bytesRead === 0) throw new Error(`the WAL in ${dir} ends at ${Lsn.format(at)}`);
        yield buffer.subarray(0, bytesRead);
        at += BigInt(bytesRead);
      }
    } finally {
      await handle.close();
    }
  }
}

import type { Lsn } from "../../types";
import { RECORD_HEADER_SIZE, RMGR } from "./constants";
import type { WalRecord } from "./decoder";

/** What the engine wants to know of a record; everything else is `undefined`. */
export type RecordFact =
  | { kind: "checkpoint"; online: boolean; redo: Lsn; body: Buffer }
  /** An xl_parameter_change: settings that pg_control repeats. */
  | { kind: "parameters"; body: Buffer }
  | { kind: "switch" }
  | { kind: "prepare" }
  | { kind: "commit"; timestampUs: bigint };

const XLOG = { CHECKPOINT_SHUTDOWN: 0x00, CHECKPOINT_ONLINE: 0x10, SWITCH: 0x40, PARAMETER_CHANGE: 0x60 } as const;
const XACT = { COMMIT: 0x00, PREPARE: 0x10, COMMIT_PREPARED: 0x30 } as const;
const XACT_OPERATION = 0x70;

/** Recognises checkpoints, segment switches, PREPARE, and commits with their time (µs since 2000-01-01 UTC). */
export function factOf(record: WalRecord): RecordFact | undefined {
  if (record.rmid === RMGR.XLOG) return xlogFact(record, record.info & 0xf0);
  if (record.rmid !== RMGR.XACT) return undefined;
  const operation = record.info & XACT_OPERATION;
  if (operation === XACT.PREPARE) return { kind: "prepare" };
  if (operation !== XACT.COMMIT && operation !== XACT.COMMIT_PREPARED) return undefined;
  return { kind: "commit", timestampUs: mainData(record.data()).readBigInt64LE(0) };
}

function xlogFact(record: WalRecord, operation: number): RecordFact | undefined {
  if (operation === XLOG.SWITCH) return { kind: "switch" };
  if (operation === XLOG.PARAMETER_CHANGE) return { kind: "parameters", body: mainData(record.data()) };
  if (operation !== XLOG.CHECKPOINT_SHUTDOWN && operation !== XLOG.CHECKPOINT_ONLINE) return undefined;
  const body = mainData(record.data());
  return { kind: "checkpoint", online: operation === XLOG.CHECKPOINT_ONLINE, redo: body.readBigUInt64LE(0), body };
}

const BLOCK_ID = { DATA_SHORT: 255, DATA_LONG: 254, ORIGIN: 253, TOPLEVEL_XID: 252 } as const;

/** The main data of a record without block references, as checkpoints and commits are. */
export function mainData(record: Buffer): Buffer {
  let at = RECORD_HEADER_SIZE;
  for (;;) {
    const id = record.readUInt8(at);
    if (id === BLOCK_ID.DATA_SHORT) return record.subarray(at + 2, at + 2 + record.readUInt8(at + 1));
    if (id === BLOCK_ID.DATA_LONG) return record.subarray(at + 5, at + 5 + record.readUInt32LE(at + 1));
    if (id === BLOCK_ID.ORIGIN) at += 3;
    else if (id === BLOCK_ID.TOPLEVEL_XID) at += 5;
    else throw new Error(`a record with a block reference (${id}) where none is expected`);
  }
}

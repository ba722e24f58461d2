import type { Lsn } from "../../types";
import { crc32c } from "../wal/crc32c";

/** What the engine reads from pg_control; offsets are the same in PostgreSQL 14 to 17 (versions 1300 and 1700). */
export interface ControlFile {
  systemId: bigint;
  controlVersion: number;
  state: number;
  /** Start of the last checkpoint record, and of the WAL that a recovery from it replays. */
  checkpoint: Lsn;
  redo: Lsn;
  timeline: number;
  walSegSize: number;
}

export const DB_STATE = { SHUTDOWNED: 1, IN_PRODUCTION: 6 } as const;

const OFFSET = {
  systemId: 0,
  controlVersion: 8,
  state: 16,
  checkpoint: 32,
  redo: 40,
  timeline: 48,
  walSegSize: 228,
  crc: 288,
} as const;

/** Bytes of a CheckPoint, which stands in pg_control from `redo` on and is the body of a checkpoint record. */
const CHECKPOINT_SIZE = 88;

const KNOWN_VERSIONS = new Set([1300, 1700]);

/** Throws when the checksum is wrong or the layout is of a version that the engine doesn't know. */
export function readControl(file: Buffer): ControlFile {
  const controlVersion = file.readUInt32LE(OFFSET.controlVersion);
  if (!KNOWN_VERSIONS.has(controlVersion))
    throw new Error(`pg_control has version ${controlVersion}, which is unknown`);
  if (crc32c(file.subarray(0, OFFSET.crc)) !== file.readUInt32LE(OFFSET.crc))
    throw new Error("pg_control: wrong checksum");
  return {
    systemId: file.readBigUInt64LE(OFFSET.systemId),
    controlVersion,
    state: file.readUInt32LE(OFFSET.state),
    checkpoint: file.readBigUInt64LE(OFFSET.checkpoint),
    redo: file.readBigUInt64LE(OFFSET.redo),
    timeline: file.readUInt32LE(OFFSET.timeline),
    walSegSize: file.readUInt32LE(OFFSET.walSegSize),
  };
}

/** Where pg_control has the settings of an xl_parameter_change record, in the order and with the sizes of the record. */
const PARAMETERS: readonly { from: number; to: number; size: number }[] = [
  { from: 0, to: 180, size: 4 }, // max_connections
  { from: 4, to: 184, size: 4 }, // max_worker_processes
  { from: 8, to: 188, size: 4 }, // max_wal_senders
  { from: 12, to: 192, size: 4 }, // max_prepared_transactions
  { from: 16, to: 196, size: 4 }, // max_locks_per_transaction
  { from: 20, to: 172, size: 4 }, // wal_level
  { from: 24, to: 176, size: 1 }, // wal_log_hints
  { from: 25, to: 200, size: 1 }, // track_commit_timestamp
];

/** The file as of a later checkpoint record of the WAL and a later change of settings, with the server running. */
export function controlForRecovery(
  file: Buffer,
  later: { checkpoint: { lsn: Lsn; body: Buffer } | undefined; parameters: Buffer | undefined },
): Buffer {
  readControl(file);
  const { checkpoint, parameters } = later;
  const patched = Buffer.from(file);
  if (checkpoint !== undefined) {
    patched.writeBigUInt64LE(checkpoint.lsn, OFFSET.checkpoint);
    checkpoint.body.copy(patched, OFFSET.redo, 0, CHECKPOINT_SIZE);
  }
  for (const { from, to, size } of parameters === undefined ? [] : PARAMETERS) {
    parameters?.copy(patched, to, from, from + size);
  }
  return markInProduction(signed(patched));
}

function signed(file: Buffer): Buffer {
  file.writeUInt32LE(crc32c(file.subarray(0, OFFSET.crc)), OFFSET.crc);
  return file;
}

/**
 * The same file saying that the server was running. Without it a cleanly stopped image would silently ignore the WAL
 * that follows its checkpoint, and look like a healthy, older database.
 */
export function markInProduction(file: Buffer): Buffer {
  readControl(file);
  const patched = Buffer.from(file);
  patched.writeUInt32LE(DB_STATE.IN_PRODUCTION, OFFSET.state);
  return signed(patched);
}

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

/**
 * The same file saying that the server was running. Without it a cleanly stopped image would silently ignore the WAL
 * that follows its checkpoint, and look like a healthy, older database.
 */
export function markInProduction(file: Buffer): Buffer {
  readControl(file);
  const patched = Buffer.from(file);
  patched.writeUInt32LE(DB_STATE.IN_PRODUCTION, OFFSET.state);
  patched.writeUInt32LE(crc32c(patched.subarray(0, OFFSET.crc)), OFFSET.crc);
  return patched;
}

import { Lsn } from "../../../types";
import { crc32c } from "../../wal/crc32c";

/** What a slot's state file says; the layout is the same in PostgreSQL 14 to 17 as far as it is read here. */
export interface SlotFile {
  /** 0 for a physical slot. */
  database: number;
  /** False for one that goes with its session. */
  persistent: boolean;
  /** Decoding begins here. */
  restartLsn: Lsn;
  /** What the client has confirmed. */
  confirmedFlush: Lsn;
}

const OFFSET = { checksum: 4, checksummed: 8, database: 80, persistency: 84, restartLsn: 96, confirmedFlush: 112 };
const SHORTEST = 120;

/** Undefined where the file is too short to be one. */
export function parseSlotFile(file: Buffer): SlotFile | undefined {
  if (file.length < SHORTEST) return undefined;
  return {
    database: file.readUInt32LE(OFFSET.database),
    persistent: file.readUInt32LE(OFFSET.persistency) === 0,
    restartLsn: file.readBigUInt64LE(OFFSET.restartLsn),
    confirmedFlush: file.readBigUInt64LE(OFFSET.confirmedFlush),
  };
}

/**
 * The file as the WAL up to `lsn` allows it: what the client has confirmed of lost WAL it has to get anew. Undefined for a
 * slot that decoding can't begin for.
 */
export function slotFileUpTo(file: Buffer, lsn: Lsn): Buffer | undefined {
  const slot = parseSlotFile(file);
  if (slot === undefined || slot.restartLsn > lsn || slot.restartLsn === Lsn.INVALID) return undefined;
  if (slot.confirmedFlush <= lsn) return file;
  const changed = Buffer.from(file);
  changed.writeBigUInt64LE(lsn, OFFSET.confirmedFlush);
  changed.writeUInt32LE(crc32c(changed.subarray(OFFSET.checksummed)), OFFSET.checksum);
  return changed;
}

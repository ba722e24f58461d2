import { rmSync } from "node:fs";
import { join } from "node:path";
import { Lsn, type TimelineId } from "../../../types";
import { AUX_DIRECTORY, readAuxFiles } from "../../pg/aux-files";
import type { Logger } from "../../service";
import { areNewest, type LeftSlots } from "./left-slots";
import { type SlotFiles, writeSlotFiles } from "./slot-files";

/** The file that says whose slots these are: a branch doesn't inherit those of its ancestor. */
export const OWNER_FILE = "timeline";

export interface RestoredSlots {
  /** As the WAL has them up to now, with those of ancestors. */
  recorded: SlotFiles;
  /** Where the oldest slot begins to decode; undefined: there are no slots. */
  restartLsn: Lsn | undefined;
}

/**
 * Puts the timeline's logical slots into the data directory of a primary that starts at `lsn`: as its WAL has recorded them,
 * or, where the same directory's last compute is the last that has written, as that one has left them.
 */
export function restoreSlots(options: {
  dataDir: string;
  timelineId: TimelineId;
  lsn: Lsn;
  left: LeftSlots | undefined;
  lastTerm: bigint | undefined;
  log: Logger;
}): RestoredSlots {
  const { dataDir, timelineId, lsn, left, lastTerm, log } = options;
  const recorded = readAuxFiles(dataDir);
  rmSync(join(dataDir, AUX_DIRECTORY), { recursive: true, force: true });
  const isOurs = recorded.get(OWNER_FILE)?.toString() === timelineId;
  const ours = new Map(isOurs ? [...recorded].filter(([path]) => path !== OWNER_FILE) : []);
  const files = left !== undefined && areNewest(left, timelineId, lastTerm) ? left.files : ours;
  const restartLsn = writeSlotFiles(dataDir, files, lsn);
  if (restartLsn !== undefined) log.info(`logical replication slots restored, restart LSN ${Lsn.format(restartLsn)}`);
  return { recorded, restartLsn };
}

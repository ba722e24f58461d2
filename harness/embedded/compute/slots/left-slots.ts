import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TimelineId } from "../../../types";
import { hasErrorCode } from "../../service";
import { readSlotFiles, type SlotFiles } from "./slot-files";

/** Which timeline a data directory belongs to, and in which terms its compute has written. */
interface DirectoryOwner {
  timelineId: string;
  terms: string[];
}

const FILE = "neon_compute.json";

/** What the last compute in a data directory has left. */
export interface LeftSlots {
  owner: DirectoryOwner;
  files: SlotFiles;
}

export function markOwner(dataDir: string, timelineId: TimelineId, terms: readonly bigint[]): void {
  const owner: DirectoryOwner = { timelineId, terms: terms.map(String) };
  writeFileSync(join(dataDir, FILE), JSON.stringify(owner), { mode: 0o600 });
}

/** Reads what is there before the directory is emptied; undefined where no compute has run. */
export function readLeftSlots(dataDir: string): LeftSlots | undefined {
  try {
    const owner = JSON.parse(readFileSync(join(dataDir, FILE), "utf8")) as DirectoryOwner;
    return { owner, files: readSlotFiles(dataDir) };
  } catch (error) {
    if (hasErrorCode(error, "ENOENT") || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** They are the newest there are if nobody has written since: the timeline's last term is one of that compute's. */
export function areNewest(left: LeftSlots, timelineId: TimelineId, lastTerm: bigint | undefined): boolean {
  return left.owner.timelineId === timelineId && left.owner.terms.includes(String(lastTerm));
}

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Lsn } from "../../../types";
import { hasErrorCode } from "../../service";
import { parseSlotFile, slotFileUpTo } from "./slot-file";

/** Paths below a data directory, and what the files hold. */
export type SlotFiles = Map<string, Buffer>;

const SLOTS = "pg_replslot";
const SNAPSHOTS = "pg_logical/snapshots";
const MAPPINGS = "pg_logical/mappings";

export const isSlotState = (path: string): boolean => path.startsWith(`${SLOTS}/`);

/**
 * The logical slots of a data directory, each with what decoding needs to begin where it stands: snapshots of the catalogs
 * and mappings of rewritten ones. A server may be running there: files that go meanwhile are passed over.
 */
export function readSlotFiles(dataDir: string): SlotFiles {
  const files: SlotFiles = new Map();
  let oldest: Lsn | undefined;
  for (const name of names(dataDir, SLOTS)) {
    const path = `${SLOTS}/${name}/state`;
    const state = read(dataDir, path);
    const slot = state === undefined ? undefined : parseSlotFile(state);
    if (state === undefined || slot === undefined || slot.database === 0 || !slot.persistent) continue;
    files.set(path, state);
    if (oldest === undefined || slot.restartLsn < oldest) oldest = slot.restartLsn;
  }
  if (oldest === undefined) return files;
  for (const name of names(dataDir, SNAPSHOTS)) if (snapshotLsn(name) >= oldest) add(files, dataDir, SNAPSHOTS, name);
  for (const name of names(dataDir, MAPPINGS)) add(files, dataDir, MAPPINGS, name);
  return files;
}

/** Puts the slots into a data directory whose WAL ends at `lsn`; returns where the oldest of them begins to decode. */
export function writeSlotFiles(dataDir: string, files: SlotFiles, lsn: Lsn): Lsn | undefined {
  let oldest: Lsn | undefined;
  for (const [path, content] of files) {
    const bytes = isSlotState(path) ? slotFileUpTo(content, lsn) : content;
    if (bytes === undefined) continue;
    mkdirSync(dirname(join(dataDir, path)), { recursive: true, mode: 0o700 });
    writeFileSync(join(dataDir, path), bytes, { mode: 0o600 });
    const restartLsn = isSlotState(path) ? parseSlotFile(bytes)?.restartLsn : undefined;
    if (restartLsn !== undefined && (oldest === undefined || restartLsn < oldest)) oldest = restartLsn;
  }
  return oldest;
}

function names(dataDir: string, folder: string): string[] {
  const path = join(dataDir, folder);
  return existsSync(path) ? readdirSync(path).toSorted() : [];
}

function add(files: SlotFiles, dataDir: string, folder: string, name: string): void {
  const content = read(dataDir, `${folder}/${name}`);
  if (content !== undefined && content.length > 0) files.set(`${folder}/${name}`, content);
}

function read(dataDir: string, path: string): Buffer | undefined {
  try {
    return readFileSync(join(dataDir, path));
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Of `0-16B3748.snap`; 0 for a file that is still being written. */
function snapshotLsn(name: string): Lsn {
  const [, high, low] = /^([0-9A-F]+)-([0-9A-F]+)\.snap$/.exec(name) ?? [];
  return high === undefined || low === undefined ? Lsn.INVALID : Lsn.parse(`${high}/${low}`);
}

import type { TimelineId } from "../../../types";
import type { PgConnection } from "../../../wire";
import { AUX_PREFIX } from "../../pg/aux-files";
import { errorText, type Logger, pause } from "../../service";
import { quoteLiteral } from "../catalog/quoting";
import { OWNER_FILE } from "./restore-slots";
import { isSlotState, readSlotFiles, type SlotFiles } from "./slot-files";

const INTERVAL_MS = 200;
/** Decoding passes over messages of other databases, and nobody decodes this one. */
const DATABASE = "template1";

export interface RecordSlotsOptions {
  dataDir: string;
  timelineId: TimelineId;
  /** What the WAL has recorded before. */
  recorded: SlotFiles;
  connect: (database: string) => Promise<PgConnection>;
  log: Logger;
  signal: AbortSignal;
}

/**
 * Postgres keeps slots in files only. As Neon does, each change of them goes to the WAL as a message with the file in it,
 * so that the next compute has them, wherever it runs. Looks for changes five times a second, until the signal.
 */
export async function recordSlots(options: RecordSlotsOptions): Promise<void> {
  const { dataDir, recorded, log, signal } = options;
  let failure = "";
  for (; !signal.aborted; await pause(INTERVAL_MS, signal)) {
    try {
      const changes = changesOf(recorded, wanted(readSlotFiles(dataDir), recorded, options.timelineId));
      if (changes.length === 0) continue;
      await emit(options, changes);
      log.info(`replication slots recorded: ${changes.map(([path]) => path).join(", ")}`);
      for (const [path, content] of changes) {
        if (content.length === 0) recorded.delete(path);
        else recorded.set(path, content);
      }
    } catch (error) {
      const text = `could not record the replication slots, will be repeated: ${errorText(error)}`;
      if (!signal.aborted && text !== failure) log.warn(text);
      failure = text;
    }
  }
}

/** Whose slots they are is said as long as there are, or were, any. */
function wanted(files: SlotFiles, recorded: SlotFiles, timelineId: TimelineId): SlotFiles {
  if (files.size === 0 && recorded.size === 0) return files;
  return new Map([...files, [OWNER_FILE, Buffer.from(timelineId)]]);
}

type Change = readonly [path: string, content: Buffer];

/**
 * In an order in which a crash between two of them does no harm: an ancestor's files go before the owner is named, and a
 * slot's state comes after, and goes before, what decoding needs for it.
 */
export function changesOf(recorded: SlotFiles, files: SlotFiles): Change[] {
  const nothing = Buffer.alloc(0);
  const gone = [...recorded.keys()].filter((path) => !files.has(path)).map((path): Change => [path, nothing]);
  const changed = [...files].filter(([path, content]) => recorded.get(path)?.equals(content) !== true);
  const states = (changes: readonly Change[]) => changes.filter(([path]) => isSlotState(path));
  const owner = (changes: readonly Change[]) => changes.filter(([path]) => path === OWNER_FILE);
  const others = (changes: readonly Change[]) => changes.filter(([path]) => !isSlotState(path) && path !== OWNER_FILE);
  const isNewOwner = owner(changed).length > 0;
  const before = isNewOwner ? [...states(gone), ...others(gone)] : states(gone);
  const after = isNewOwner ? [] : others(gone);
  return [...before, ...owner(changed), ...others(changed), ...states(changed), ...after];
}

/** One transaction, for its commit brings the messages to a majority of the safekeepers. */
async function emit({ connect, signal }: RecordSlotsOptions, changes: readonly Change[]): Promise<void> {
  const connection = await connect(DATABASE);
  const stop = () => connection.destroy();
  signal.addEventListener("abort", stop, { once: true });
  try {
    await connection.query("BEGIN");
    for (const [path, content] of changes) {
      const bytes = `'\\x${content.toString("hex")}'::bytea`;
      await connection.query(`SELECT pg_logical_emit_message(true, ${quoteLiteral(AUX_PREFIX + path)}, ${bytes})`);
    }
    await connection.query("COMMIT");
  } finally {
    signal.removeEventListener("abort", stop);
    connection.destroy();
  }
}

import { Lsn } from "../../../types";
import { PgError, type PgServerConnection } from "../../../wire";
import { streamBase } from "../../pg/base-tar";
import { failAt } from "../../service";
import { baseImage, firstReadableLsn, knownBoundaryBelow, readWal, whileReading } from "../timeline/history";
import { LsnTimeoutError } from "../timeline/lsn-waiters";
import { floorToRecord } from "../timeline/record-boundary";
import type { Timeline } from "../timeline/timeline";

/**
 * Streams what a stock Postgres needs to start at an LSN (undefined: the newest): an image of the data directory and the WAL
 * from there on. The embedded engine's own counterpart of `basebackup`, with its errors.
 */
export async function stockBackup(
  connection: PgServerConnection,
  timeline: Timeline,
  requested: Lsn | undefined,
): Promise<void> {
  timeline.sessions.add(connection);
  await whileReading(timeline, async () =>
    send(connection, timeline, await backupLsn(timeline, requested, connection.closed)),
  );
}

async function send(connection: PgServerConnection, timeline: Timeline, lsn: Lsn): Promise<void> {
  const { layer } = await baseImage(timeline, lsn);
  const wal = { read: (from: Lsn, to: Lsn) => readWal(timeline, from, to) };
  const base = streamBase({ imageFile: layer.path, wal, lsn, boundary: knownBoundaryBelow(timeline, lsn) });
  const out = connection.startCopyOut();
  for await (const chunk of base) {
    if (!out.write(chunk)) await out.drained();
  }
  await failAt("basebackup-before-control-file");
  out.finish();
  connection.sendCommandComplete("SELECT 1");
}

async function backupLsn(timeline: Timeline, requested: Lsn | undefined, closed: AbortSignal): Promise<Lsn> {
  if (requested === undefined) return timeline.lastRecordLsn;
  requireNotCollected(timeline, requested);
  try {
    await timeline.waitLsn(requested, closed);
  } catch (error) {
    if (error instanceof LsnTimeoutError) throw new PgError(error.message);
    throw error;
  }
  const first = firstReadableLsn(timeline);
  return (await floorToRecord(timeline, requested < first ? first : requested)).lsn;
}

/** Throws Neon's error for a base at an LSN that garbage collection may have passed. */
export function requireNotCollected(timeline: Timeline, lsn: Lsn): void {
  const cutoff = timeline.latestGcCutoffLsn;
  if (lsn >= cutoff || timeline.leases.holds(lsn)) return;
  throw new PgError(
    `invalid basebackup lsn: LSN ${Lsn.format(lsn)} is earlier than latest GC cutoff ${Lsn.format(cutoff)} ` +
      "(we might've already garbage collected needed data)",
  );
}

import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { Lsn } from "../../../types";
import { PgError, type PgServerConnection } from "../../../wire";
import type { MaterializedImages } from "../page-service/materialized-images";
import { firstReadableLsn } from "../timeline/history";
import { floorToRecord } from "../timeline/record-boundary";
import { LsnTimeoutError } from "../timeline/lsn-waiters";
import type { Timeline } from "../timeline/timeline";
import { neonTar } from "./neon-tar";
import { requireNotCollected } from "./stock-backup";

export interface NeonBackupRequest {
  /** Undefined: the newest. */
  readonly lsn: Lsn | undefined;
  /** What the client knows as the start of the last record. */
  readonly prevRecordLsn: Lsn | undefined;
  readonly full: boolean;
  readonly gzip: boolean;
}

/** Sends `basebackup` or `fullbackup`. Throws Neon's errors before anything is sent. */
export async function neonBackup(
  connection: PgServerConnection,
  timeline: Timeline,
  images: MaterializedImages,
  request: NeonBackupRequest,
): Promise<void> {
  timeline.sessions.add(connection);
  const lsn = await readableLsn(timeline, request.lsn, connection.closed);
  const known = lsn === timeline.lastRecordLsn ? timeline.prevRecordLsn : undefined;
  if (known !== undefined && request.prevRecordLsn !== undefined && known !== request.prevRecordLsn) {
    throw new PgError(`backup_prev ${Lsn.format(known)} != provided_prev_lsn ${Lsn.format(request.prevRecordLsn)}`);
  }
  const boundary = async (): Promise<Lsn> => (await floorToRecord(timeline, lsn)).lsn;
  await images.use(timeline, { notModifiedSince: lsn, lsn }, boundary, async ({ dir, source }) => {
    const tar = neonTar({
      dataDir: dir,
      lsn,
      prevRecordLsn: known ?? request.prevRecordLsn,
      isStart: lsn === timeline.ancestor?.lsn,
      systemId: BigInt(source.systemId),
      pgVersion: timeline.pgVersion,
      walSegSize: source.walSegSize,
      full: request.full,
    });
    const out = connection.startCopyOut();
    const pieces: AsyncIterable<Buffer> = request.gzip ? Readable.from(tar).pipe(createGzip()) : tar;
    for await (const piece of pieces) {
      if (!out.write(piece)) await out.drained();
    }
    out.finish();
  });
  connection.sendCommandComplete("SELECT 1");
}

async function readableLsn(timeline: Timeline, requested: Lsn | undefined, closed: AbortSignal): Promise<Lsn> {
  if (requested === undefined) return timeline.lastRecordLsn;
  requireNotCollected(timeline, requested);
  try {
    await timeline.waitLsn(requested, closed);
  } catch (error) {
    if (error instanceof LsnTimeoutError) throw new PgError(error.message);
    throw error;
  }
  const first = firstReadableLsn(timeline);
  return requested < first ? first : requested;
}

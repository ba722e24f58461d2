import { Lsn } from "../../../types";
import { PgError, type PgServerConnection } from "../../../wire";
import { readWal, whileReading } from "../timeline/history";
import type { Timeline } from "../timeline/timeline";

interface WalRange {
  start: Lsn;
  end: Lsn;
}

/**
 * Streams the WAL [from, to) of a timeline, behind eight bytes that say where it really begins: later than `from` where the
 * WAL before was never received or is gone. A compute asks for it whose replication slots have more to decode than its
 * base brings.
 */
export async function stockWal(connection: PgServerConnection, timeline: Timeline, from: Lsn, to: Lsn): Promise<void> {
  timeline.sessions.add(connection);
  await whileReading(timeline, async () => {
    const start = firstByte(timeline, from);
    if (start === undefined || start >= to)
      throw new PgError(`no WAL between ${Lsn.format(from)} and ${Lsn.format(to)}`);
    const out = connection.startCopyOut();
    const head = Buffer.alloc(8);
    head.writeBigUInt64BE(start);
    out.write(head);
    for await (const chunk of readWal(timeline, start, to)) if (!out.write(chunk)) await out.drained();
    out.finish();
    connection.sendCommandComplete("SELECT 1");
  });
}

/** The first LSN from `from` on that there is WAL of, here or in an ancestor. */
function firstByte(timeline: Timeline, from: Lsn): Lsn | undefined {
  const behind = walRanges(timeline).filter(({ end }) => end > from);
  if (behind.length === 0) return undefined;
  const first = behind.reduce((lowest, { start }) => (start < lowest ? start : lowest), behind[0]?.start ?? from);
  return first > from ? first : from;
}

function walRanges(timeline: Timeline): WalRange[] {
  const { ancestor, layers, wal } = timeline;
  const finished = layers.all().flatMap(({ walRange }) => (walRange === undefined ? [] : [walRange]));
  const own = [...finished, ...wal.frozen, ...(wal.open === undefined ? [] : [wal.open])];
  if (ancestor === undefined) return own;
  const before = walRanges(ancestor.timeline).filter(({ start }) => start < ancestor.lsn);
  return [...before.map(({ start, end }) => ({ start, end: end < ancestor.lsn ? end : ancestor.lsn })), ...own];
}

import { Lsn } from "../../../types";
import { decodeWalSenderMessage, PgConnection } from "../../../wire";
import type { HostPort } from "../../service";
import type { Replicator } from "./replicator";
import type { SafekeeperPeer } from "./peer";
import { addressText, type ProposedTimeline, safekeeperConnection } from "./timeline";

export interface OlderWalOptions {
  timeline: ProposedTimeline;
  replicator: Replicator;
  /** Has everything up to the start of our term. */
  donor: HostPort | undefined;
}

/**
 * The safekeeper to read WAL at `from` from: one that follows us and has more than `from`, the fullest first, those
 * connected before those that may be away; otherwise the donor of the election.
 */
export function chooseSource(
  options: OlderWalOptions,
  peers: readonly SafekeeperPeer[],
  reader: SafekeeperPeer,
  from: Lsn,
): HostPort | undefined {
  const useful = peers.filter((peer) => peer !== reader && peer.progress.flushLsn > from);
  const rank = (peer: SafekeeperPeer) => (peer.progress.connected ? 1 : 0);
  const [best] = useful.toSorted((a, b) => rank(b) - rank(a) || (a.progress.flushLsn < b.progress.flushLsn ? 1 : -1));
  if (best !== undefined) return best.address;
  return from < options.replicator.epoch.startLsn ? options.donor : undefined;
}

/** Streams [from, …) of our history from that safekeeper, flushed WAL included; it refuses when its term is another. */
export async function* readOlderWal(
  options: OlderWalOptions,
  source: HostPort,
  from: Lsn,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const { timeline, replicator } = options;
  const target = safekeeperConnection(timeline, source, "wal_proposer_recovery");
  const connection = await PgConnection.connect({ ...target, signal });
  try {
    const command = `START_REPLICATION PHYSICAL ${Lsn.format(from)} (term='${replicator.epoch.term}')`;
    const stream = await connection.copyBoth(command);
    let next = from;
    for await (const payload of stream) {
      const message = decodeWalSenderMessage(payload);
      if (message.kind !== "xlogData") continue;
      if (message.walStart !== next) {
        const gap = `${Lsn.format(message.walStart)} instead of ${Lsn.format(next)}`;
        throw new Error(`safekeeper ${addressText(source)} sent WAL from ${gap}`);
      }
      next += BigInt(message.data.length);
      yield message.data;
    }
    throw new Error(`safekeeper ${addressText(source)} ended the stream at ${Lsn.format(next)}`);
  } finally {
    connection.destroy();
  }
}

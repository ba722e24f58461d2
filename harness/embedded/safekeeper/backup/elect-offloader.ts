import type { Lsn, TimelineId } from "../../../types";
import type { PeerInfo } from "../peers";

/** The safekeeper that uploads a timeline's WAL: one that has all from `backupLsn` on and is not far behind. Undefined: none. */
export function electOffloader(
  peers: readonly PeerInfo[],
  backupLsn: Lsn,
  timelineId: TimelineId,
  maxLag: number,
): number | undefined {
  const capable = peers.filter((peer) => peer.localStartLsn <= backupLsn);
  const highest = capable.reduce((most, peer) => (peer.commitLsn > most ? peer.commitLsn : most), 0n);
  const caughtUp = capable.filter((peer) => peer.commitLsn + BigInt(maxLag) >= highest);
  if (caughtUp.length === 0) return undefined;
  const sorted = caughtUp.toSorted((a, b) => a.safekeeperId - b.safekeeperId);
  // All take the same one without talking, and the timelines are spread.
  return sorted[Number(BigInt(`0x${timelineId}`) % BigInt(sorted.length))]?.safekeeperId;
}

import { Lsn } from "../../../types";
import type { HostPort, Logger } from "../../service";
import type { FencedError } from "./errors";
import { chooseSource, readOlderWal } from "./older-wal";
import { SafekeeperPeer } from "./peer";
import type { Replicator } from "./replicator";
import type { ProposedTimeline, WalIdentity } from "./timeline";

/** One peer per safekeeper; each can read the WAL that it needs from the others, or from the donor of the election. */
export function createPeers(options: {
  safekeepers: readonly HostPort[];
  timeline: ProposedTimeline;
  identity: WalIdentity;
  replicator: Replicator;
  donor: HostPort | undefined;
  log: Logger;
  onPanic: (error: Error) => void;
  onFenced: (error: FencedError) => void;
}): SafekeeperPeer[] {
  const { safekeepers, ...rest } = options;
  const peers: SafekeeperPeer[] = [];
  for (const address of safekeepers) {
    const peer: SafekeeperPeer = new SafekeeperPeer({
      ...rest,
      address,
      olderWal: (from, signal) => {
        const source = chooseSource(options, peers, peer, from);
        if (source === undefined) throw new Error(`no safekeeper to read WAL at ${Lsn.format(from)} from`);
        return readOlderWal(options, source, from, signal);
      },
    });
    peers.push(peer);
  }
  return peers;
}

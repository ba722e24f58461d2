import { Lsn } from "../../types";
import { decodeWalSenderMessage, PgConnection } from "../../wire";
import { errorText, type Logger, parseHostPort, parseJson } from "../service";
import { bodyOf, getFromPeer } from "./admin/peer-http";
import type { PeerInfo } from "./peers";
import { historyUpTo, lastCommonPoint, type TermHistory } from "./term-history";
import type { Timeline } from "./timeline";

/** Neon looks every two seconds. */
const CHECK_MS = 1000;
const NO_PROPOSER = "0".repeat(32);

interface PeerRecoveryOptions {
  readonly timelines: () => readonly Timeline[];
  readonly peersMaxAgeMs: number;
  readonly token: string | undefined;
  readonly log: Logger;
}

/**
 * Who has WAL that this safekeeper lacks and can take without an election: the peer's last WAL is of its present term, so a
 * leader of that term was elected, and we know of no later one. Nobody, while a compute streams to us.
 */
export function chooseDonor(timeline: Timeline, peers: readonly PeerInfo[]): PeerInfo | undefined {
  if ([...timeline.receivers].some(({ status }) => status === "Streaming")) return undefined;
  const { lastLogTerm, flushLsn, state } = timeline;
  const isAhead = (peer: PeerInfo): boolean =>
    peer.lastLogTerm === lastLogTerm ? peer.flushLsn > flushLsn : peer.lastLogTerm > lastLogTerm;
  const donors = peers.filter((peer) => isAhead(peer) && peer.term === peer.lastLogTerm && peer.term >= state.term);
  return donors.toSorted((a, b) => Number(b.lastLogTerm - a.lastLogTerm) || (a.flushLsn < b.flushLsn ? 1 : -1))[0];
}

/** Gets WAL from peers where no compute brings it (`--peer-recovery`); the rules of Neon's recovery.rs. */
export class PeerRecovery {
  readonly #options: PeerRecoveryOptions;
  readonly #busy = new WeakSet<Timeline>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: PeerRecoveryOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #donor(timeline: Timeline): PeerInfo | undefined {
    return chooseDonor(timeline, timeline.peers.recent(this.#options.peersMaxAgeMs));
  }

  #check(): void {
    for (const timeline of this.#options.timelines()) {
      // One that has no beginning yet gets it from its first compute.
      if (this.#busy.has(timeline) || timeline.state.timelineStartLsn === Lsn.INVALID) continue;
      const donor = this.#donor(timeline);
      if (donor !== undefined) void this.#recover(timeline, donor);
    }
  }

  async #recover(timeline: Timeline, donor: PeerInfo): Promise<void> {
    const { log } = this.#options;
    this.#busy.add(timeline);
    log.info(`starting recovery from donor ${donor.safekeeperId}, which has WAL up to ${Lsn.format(donor.flushLsn)}`);
    try {
      await timeline.ensureResident();
      await this.#stream(timeline, donor, await this.#takeHistory(timeline, donor));
      log.info(`recovery finished at ${Lsn.format(timeline.flushLsn)}`);
    } catch (error) {
      if (!timeline.cancelled.aborted) log.warn(`recovery failed: ${errorText(error)}`);
    } finally {
      this.#busy.delete(timeline);
    }
  }

  /** Becomes an acceptor of the donor's term, and returns from where on WAL is missing. */
  async #takeHistory(timeline: Timeline, donor: PeerInfo): Promise<Lsn> {
    const { tenantId, timelineId, timelineStartLsn } = timeline.state;
    const path = `/v1/tenant/${tenantId}/timeline/${timelineId}`;
    const answer = await getFromPeer(`http://${donor.httpConnstr}`, path, this.#options.token);
    const { acceptor_state: theirs } = parseJson(await bodyOf(answer)) as {
      acceptor_state: { term: number | bigint; term_history: { term: number | bigint; lsn: string }[] };
    };
    if (BigInt(theirs.term) !== donor.term) throw new Error(`donor term changed from ${donor.term} to ${theirs.term}`);
    const history: TermHistory = theirs.term_history.map(({ term, lsn }) => ({
      term: BigInt(term),
      lsn: Lsn.parse(lsn),
    }));
    const vote = await timeline.vote(donor.term);
    if (vote.term !== donor.term) throw new Error(`our term changed from ${donor.term} to ${vote.term}`);
    const start = lastCommonPoint(history, historyUpTo(vote.termHistory, vote.flushLsn), vote.flushLsn);
    if (start === undefined) throw new Error(`no common point with the history of safekeeper ${donor.safekeeperId}`);
    await timeline.elected({ term: donor.term, startStreamingAt: start, termHistory: history, timelineStartLsn });
    return start;
  }

  /** Until the donor has nothing more for us. */
  async #stream(timeline: Timeline, donor: PeerInfo, start: Lsn): Promise<void> {
    const { tenantId, timelineId } = timeline.state;
    const connection = await PgConnection.connect({
      ...parseHostPort(donor.safekeeperConnstr),
      ...(this.#options.token === undefined ? {} : { password: this.#options.token }),
      parameters: {
        options: `-c timeline_id=${timelineId} tenant_id=${tenantId}`,
        application_name: `safekeeper_${timeline.nodeId}`,
      },
      signal: timeline.cancelled,
    });
    try {
      const command = `START_REPLICATION PHYSICAL ${Lsn.format(start)} (term='${donor.term}')`;
      for await (const payload of await connection.copyBoth(command)) {
        const message = decodeWalSenderMessage(payload);
        if (message.kind === "xlogData") await this.#append(timeline, donor, message);
        else if (this.#donor(timeline)?.safekeeperId !== donor.safekeeperId) return;
      }
    } finally {
      connection.destroy();
    }
  }

  async #append(timeline: Timeline, donor: PeerInfo, piece: { walStart: Lsn; data: Buffer }): Promise<void> {
    const outcome = await timeline.append({
      ...{ term: donor.term, beginLsn: piece.walStart, endLsn: piece.walStart + BigInt(piece.data.length) },
      ...{ wal: piece.data, commitLsn: donor.commitLsn, truncateLsn: Lsn.INVALID, proposerUuid: NO_PROPOSER },
    });
    if (outcome === "superseded") throw new Error(`our term has changed, it was ${donor.term}`);
  }
}

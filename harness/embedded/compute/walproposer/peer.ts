import { Lsn } from "../../../types";
import type { AcceptorMessage, AppendRequest, VoteResponse } from "../../../wire";
import { formatHistory, historyUpTo, lastCommonPoint } from "../../safekeeper/term-history";
import { errorText, type HostPort, type Logger } from "../../service";
import { Backoff } from "../backoff";
import { AcceptorSession } from "./acceptor-session";
import { FencedError, WalproposerPanic } from "./errors";
import type { Progress, Replicator } from "./replicator";
import { addressText, type ProposedTimeline, type WalIdentity } from "./timeline";

/** The protocol's limit for the WAL in one AppendRequest. */
export const MAX_APPEND_BYTES = 128 * 1024;
/** Without an answer for this long a connection is given up; heartbeats ask for one each second. */
const SILENCE_LIMIT_MS = 15_000;
/** So much WAL is sent at once, also before earlier WAL is answered. */
const TOGETHER_BYTES = 16n * 1024n;
const NO_WAL = Buffer.alloc(0);

/** Reads WAL that the buffer has dropped or never had, [from, …), from another safekeeper, in pieces of any size. */
export type OlderWal = (from: Lsn, signal: AbortSignal) => AsyncIterable<Buffer>;

export interface PeerOptions {
  address: HostPort;
  timeline: ProposedTimeline;
  identity: WalIdentity;
  replicator: Replicator;
  olderWal: OlderWal;
  log: Logger;
  onPanic: (error: Error) => void;
  /** The safekeeper will take nothing more from us. */
  onFenced: (error: FencedError) => void;
}

/** Keeps one safekeeper supplied for as long as the compute lives: connects, catches it up, streams, and starts over. */
export class SafekeeperPeer {
  readonly progress: Progress;
  readonly #options: PeerOptions;
  readonly #log: Logger;
  /** End of the WAL that was sent in the current session. */
  #sent: Lsn = Lsn.INVALID;
  #sentCommit: Lsn = Lsn.INVALID;
  #heartbeat = -1;
  #heardAt = 0;
  #isUnanswered = false;
  /** The socket is full. */
  #isFull = false;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#log = options.log.span("safekeeper", { address: addressText(options.address) });
    this.progress = options.replicator.addSafekeeper();
  }

  get address(): HostPort {
    return this.#options.address;
  }

  /** Runs until the signal is aborted; then lets the safekeeper know the last commit LSN. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(20, 250);
    for (let failure = ""; !signal.aborted;) {
      const started = performance.now();
      try {
        await this.#runSession(signal);
      } catch (error) {
        if (error instanceof FencedError) return this.#options.onFenced(error);
        if (error instanceof WalproposerPanic) return this.#options.onPanic(error);
        const text = errorText(error);
        if (text !== failure && !signal.aborted) this.#log.warn(`connection lost, will be repeated: ${text}`);
        failure = text;
      }
      if (performance.now() - started > 1_000) backoff.reset();
      await backoff.wait(signal);
    }
  }

  async #runSession(signal: AbortSignal): Promise<void> {
    const { replicator } = this.#options;
    const session = await this.#open(signal);
    try {
      this.#assertTerm(session, session.greetedTerm);
      const vote = await session.vote(replicator.epoch.term);
      this.#assertTerm(session, vote.term);
      this.#sendElected(session, vote);
      session.onMessage((message) => this.#receive(session, message));
      this.progress.connected = true;
      void session.ended.then(() => replicator.changed.wake());
      await this.#sendLoop(session, signal);
      if (signal.aborted) await session.finish();
    } finally {
      this.progress.connected = false;
      session.close();
    }
  }

  /** Connecting ends with the signal at once; a running session must still send its last message. */
  async #open(signal: AbortSignal): Promise<AcceptorSession> {
    const { address, timeline, identity, replicator } = this.#options;
    const connecting = new AbortController();
    const abort = () => connecting.abort();
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await AcceptorSession.open({
        address,
        timeline,
        identity,
        proposerId: replicator.epoch.proposerId,
        signal: connecting.signal,
      });
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  #assertTerm(session: AcceptorSession, theirs: bigint): void {
    const ours = this.#options.replicator.epoch.term;
    if (theirs > ours) throw new FencedError(session.address, theirs, ours);
  }

  /** Tells where our history and the safekeeper's part: behind that it has to drop its WAL and take ours. */
  #sendElected(session: AcceptorSession, vote: VoteResponse): void {
    const { epoch } = this.#options.replicator;
    const theirs = historyUpTo(vote.termHistory, vote.flushLsn);
    const start =
      lastCommonPoint(epoch.history, theirs, vote.flushLsn) ??
      (vote.timelineStartLsn === Lsn.INVALID ? epoch.timelineStartLsn : vote.timelineStartLsn);
    const facts = `flush_lsn=${Lsn.format(vote.flushLsn)}, history=${formatHistory(theirs)}`;
    this.#log.info(`elected in term ${epoch.term}, start_streaming_at=${Lsn.format(start)} (it has ${facts})`);
    session.send({
      kind: "elected",
      term: epoch.term,
      startStreamingAt: start,
      termHistory: [...epoch.history],
      timelineStartLsn: epoch.timelineStartLsn,
    });
    this.#sent = start;
    this.#sentCommit = Lsn.INVALID;
    this.#heartbeat = -1;
    this.#isUnanswered = false;
    this.#isFull = false;
    this.#heardAt = performance.now();
  }

  #receive(session: AcceptorSession, message: AcceptorMessage): void {
    const { replicator } = this.#options;
    if (message.kind !== "append") return session.fail(new Error(`unexpected ${message.kind} from ${session.address}`));
    this.#heardAt = performance.now();
    if (message.term > replicator.epoch.term) {
      return session.fail(new FencedError(session.address, message.term, replicator.epoch.term));
    }
    if (message.flushLsn > this.#sent) {
      const facts = `${Lsn.format(message.flushLsn)}, but was sent WAL up to ${Lsn.format(this.#sent)} only`;
      return session.fail(new Error(`safekeeper ${session.address} says it has ${facts}`));
    }
    this.progress.hotStandby = message.hotStandby;
    this.#isUnanswered = false;
    replicator.acknowledged(this.progress, message.flushLsn);
    this.#push(session);
  }

  async #sendLoop(session: AcceptorSession, signal: AbortSignal): Promise<void> {
    const { replicator } = this.#options;
    const push = (): void => this.#push(session);
    replicator.senders.add(push);
    try {
      for (;;) {
        if (session.closed) throw session.error;
        if (this.#sent < replicator.ring.start) await this.#catchUp(session, signal);
        else if (this.#isFull) await this.#drained(session);
        else if (this.#somethingToSay()) this.#append(session, this.#nextFromRing());
        else if (signal.aborted) return;
        else await replicator.changed.wait();
        if (performance.now() - this.#heardAt > SILENCE_LIMIT_MS) throw new Error("no answer to heartbeats");
      }
    } finally {
      replicator.senders.delete(push);
    }
  }

  /** Sends the WAL that is due. What takes longer is left to the loop. */
  #push(session: AcceptorSession): void {
    if (this.#isFull || session.closed) return;
    const { replicator } = this.#options;
    while (this.#sent >= replicator.ring.start && this.#isWalDue() && !this.#isFull) {
      this.#append(session, this.#nextFromRing());
    }
    if (this.#isFull || this.#sent < replicator.ring.start) replicator.changed.wake();
  }

  async #drained(session: AcceptorSession): Promise<void> {
    if (!session.closed) await session.drained();
    this.#isFull = false;
  }

  #somethingToSay(): boolean {
    const { announcedLsn, heartbeat } = this.#options.replicator;
    return this.#isWalDue() || this.#sentCommit < announcedLsn || this.#heartbeat !== heartbeat;
  }

  /** While it has not answered what it was sent, little WAL waits for more: commits at the same time share one message. */
  #isWalDue(): boolean {
    const { replicator } = this.#options;
    const waiting = replicator.ring.end - this.#sent;
    if (waiting === 0n) return false;
    return waiting >= TOGETHER_BYTES || (!this.#isUnanswered && replicator.isDue(this.progress, this.#sent));
  }

  #nextFromRing(): Buffer {
    const { ring } = this.#options.replicator;
    return this.#sent < ring.end ? ring.view(this.#sent, MAX_APPEND_BYTES) : NO_WAL;
  }

  /** Sends what the buffer no longer has; the buffer may move on meanwhile, so its start is looked at each time. */
  async #catchUp(session: AcceptorSession, signal: AbortSignal): Promise<void> {
    const { replicator, olderWal } = this.#options;
    const until = Lsn.format(replicator.ring.start);
    this.#log.info(`catching up from ${Lsn.format(this.#sent)} to ${until} with the WAL of another safekeeper`);
    for await (const bytes of olderWal(this.#sent, signal)) {
      for (let done = 0; done < bytes.length && this.#sent < replicator.ring.start;) {
        const left = Number(replicator.ring.start - this.#sent);
        const piece = bytes.subarray(done, done + Math.min(MAX_APPEND_BYTES, left));
        if (!this.#append(session, piece)) await this.#drained(session);
        done += piece.length;
        if (session.closed) throw session.error;
      }
      if (this.#sent >= replicator.ring.start) return;
    }
  }

  /** Encoding copies the WAL, so the buffer may be overwritten afterwards. False: nothing more before the socket has drained. */
  #append(session: AcceptorSession, wal: Buffer): boolean {
    const { epoch, commitLsn, truncateLsn, heartbeat } = this.#options.replicator;
    const message: AppendRequest = {
      kind: "append",
      term: epoch.term,
      termStartLsn: epoch.startLsn,
      beginLsn: this.#sent,
      endLsn: this.#sent + BigInt(wal.length),
      commitLsn,
      truncateLsn,
      proposerId: epoch.proposerId,
      wal,
    };
    this.#sent = message.endLsn;
    this.#sentCommit = commitLsn;
    this.#heartbeat = heartbeat;
    this.#isUnanswered = true;
    const hasRoom = session.send(message);
    if (!hasRoom) this.#isFull = true;
    return hasRoom;
  }
}

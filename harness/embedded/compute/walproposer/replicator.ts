import { Lsn } from "../../../types";
import type { HotStandbyFeedback, TermLsn } from "../../../wire";
import { combineHorizons, NO_STANDBY } from "./hot-standby";
import { quorumLsn } from "./quorum";
import { Vanguard } from "./vanguard";
import { Wakeup } from "./wakeup";
import { WalRing } from "./wal-ring";

/** Memory for WAL that not every safekeeper has; a commit that makes more than this at once waits for the quorum. */
const RING_BYTES = 16 * 1024 * 1024;
const HEARTBEAT_MS = 1_000;
/** The next WAL usually takes the commit LSN along; when none comes for so long, a message of its own does. */
const COMMIT_ALONE_MS = 2;
/** How much later those get new WAL that are not needed for a majority. */
const LATER_MS = 2;

/** What the elected proposer stands for; it does not change any more. */
export interface Epoch {
  term: bigint;
  proposerId: Buffer;
  startLsn: Lsn;
  /** Ends with this term at startLsn. */
  history: readonly TermLsn[];
  timelineStartLsn: Lsn;
}

/** What the proposer knows of one safekeeper. */
export interface Progress {
  /** Flushed in our history, by its last acknowledgement; 0 before the first. */
  flushLsn: Lsn;
  connected: boolean;
  /** What the standbys of this safekeeper still need, as it said last. */
  hotStandby: HotStandbyFeedback;
}

/**
 * The state that Postgres' stream and the safekeepers' sessions share: the newest WAL, who has how much of it, and what
 * a majority has.
 */
export class Replicator {
  readonly epoch: Epoch;
  readonly ring: WalRing;
  /** Wakes the sessions: there is something to say besides WAL. */
  readonly changed = new Wakeup();
  /** Woken for each advance of commitLsn. */
  readonly advanced = new Wakeup();
  /** Called when WAL may be due, at every message from Postgres: so without a promise. */
  readonly senders = new Set<() => void>();
  /** Counts up once a second: every safekeeper must hear from us that often. */
  heartbeat = 0;
  readonly #progress: Progress[] = [];
  readonly #timer: NodeJS.Timeout;
  #commitLsn: Lsn = Lsn.INVALID;
  #announcedLsn: Lsn = Lsn.INVALID;
  #announcement: NodeJS.Timeout | undefined;
  #later: NodeJS.Timeout | undefined;
  #laterLsn: Lsn = Lsn.INVALID;
  #isSending = false;
  readonly #vanguard = new Vanguard<Progress>();
  #truncateLsn: Lsn = Lsn.INVALID;
  #onCommit: (() => void) | undefined;

  constructor(epoch: Epoch, ringBytes = RING_BYTES) {
    this.epoch = epoch;
    this.ring = new WalRing(epoch.startLsn, ringBytes);
    this.#timer = setInterval(() => {
      this.heartbeat += 1;
      this.changed.wake();
    }, HEARTBEAT_MS);
  }

  /** What a majority has on disk; 0 until that reaches the start of our term. */
  get commitLsn(): Lsn {
    return this.#commitLsn;
  }

  /** The commit LSN that every safekeeper is to hear of now, also when there is no WAL for it. */
  get announcedLsn(): Lsn {
    return this.#announcedLsn;
  }

  /** What every safekeeper has and a majority too: WAL below it is needed by none of them. */
  get truncateLsn(): Lsn {
    return this.#truncateLsn;
  }

  /** Every safekeeper must be here before the first acknowledgement, for it counts towards the majority. */
  addSafekeeper(): Progress {
    const progress = { flushLsn: Lsn.INVALID, connected: false, hotStandby: NO_STANDBY };
    this.#progress.push(progress);
    this.#vanguard.add(progress);
    return progress;
  }

  /** Called at once, and again for each advance of commitLsn, before the safekeepers hear of it. */
  onCommit(listener: (() => void) | undefined): void {
    this.#onCommit = listener;
    listener?.();
  }

  /** Whether `bytes` more can be kept without dropping WAL that no majority has. */
  hasRoomFor(bytes: number): boolean {
    return this.ring.end - this.#floor() + BigInt(bytes) <= BigInt(this.ring.capacity);
  }

  async roomFor(bytes: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.hasRoomFor(bytes)) await this.advanced.wait();
  }

  append(bytes: Buffer): void {
    this.ring.append(bytes);
    this.#later ??= setTimeout(() => this.#sendToAll(), LATER_MS);
    this.#sendSoon();
  }

  /** Whether a safekeeper that has been sent everything up to `sent` is to get what there is now. */
  isDue(progress: Progress, sent: Lsn): boolean {
    return sent < this.#laterLsn || this.#vanguard.includes(progress);
  }

  /** What Postgres sent at once goes to the safekeepers at once. */
  #sendSoon(): void {
    if (this.#isSending) return;
    this.#isSending = true;
    process.nextTick(() => {
      this.#isSending = false;
      this.#send();
    });
  }

  #send(): void {
    for (const send of this.senders) send();
  }

  #sendToAll(): void {
    this.#later = undefined;
    this.#laterLsn = this.ring.end;
    this.#send();
  }

  /** What all standbys need. That of a safekeeper which is away counts on: its standbys come back elsewhere. */
  get hotStandby(): HotStandbyFeedback {
    return combineHorizons(this.#progress.map(({ hotStandby }) => hotStandby));
  }

  acknowledged(progress: Progress, flushLsn: Lsn): void {
    if (flushLsn <= progress.flushLsn) return;
    progress.flushLsn = flushLsn;
    const flushed = this.#progress.map((each) => each.flushLsn);
    const quorum = quorumLsn(flushed);
    if (quorum <= this.#commitLsn || quorum < this.epoch.startLsn) return;
    this.#commitLsn = quorum;
    const all = flushed.reduce((min, lsn) => (lsn < min ? lsn : min));
    if (all > this.#truncateLsn) this.#truncateLsn = all < quorum ? all : quorum;
    this.#vanguard.neededAnswerOf(progress);
    this.#onCommit?.();
    this.#announceLater();
    this.advanced.wake();
  }

  #announceLater(): void {
    const lsn = this.#commitLsn;
    this.#announcement ??= setTimeout(() => {
      this.#announcement = undefined;
      this.#announce(lsn);
      if (lsn < this.#commitLsn) this.#announceLater();
    }, COMMIT_ALONE_MS);
  }

  #announce(lsn: Lsn): void {
    this.#announcedLsn = lsn;
    this.changed.wake();
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#announcement);
    clearTimeout(this.#later);
    this.#laterLsn = this.ring.end;
    this.#announce(this.#commitLsn);
    this.advanced.wake();
  }

  #floor(): Lsn {
    return this.#commitLsn > this.epoch.startLsn ? this.#commitLsn : this.epoch.startLsn;
  }
}

import type { Lsn } from "../../../types";
import { type HostPort, type Logger, pause } from "../../service";
import { createPeers } from "./create-peers";
import type { Election } from "./election";
import type { FencedError } from "./errors";
import { Replicator } from "./replicator";
import type { ProposedTimeline, WalIdentity } from "./timeline";

/** How long the last commit LSN may take to reach the safekeepers when the term ends. */
const FAREWELL_MS = 300;

export interface LedTermOptions {
  election: Election;
  /** Of the election's donor or, where nobody has WAL yet, of the base. */
  identity: WalIdentity;
  /** Where our WAL begins. */
  startLsn: Lsn;
  safekeepers: readonly HostPort[];
  timeline: ProposedTimeline;
  log: Logger;
  onPanic: (error: Error) => void;
  /** A safekeeper knows of a higher term. */
  onFenced: (error: FencedError) => void;
}

/** A term that we were elected for, from the election until it ends: who takes part in it, and how far they are. */
export class LedTerm {
  readonly term: bigint;
  readonly identity: WalIdentity;
  readonly replicator: Replicator;
  readonly #ending = new AbortController();
  readonly #tasks: Promise<void>[];
  #isFenced = false;

  constructor(options: LedTermOptions) {
    const { election, identity, startLsn, safekeepers, timeline, log, onFenced } = options;
    const { term, proposerId, history, donor } = election;
    this.term = term;
    this.identity = identity;
    this.replicator = new Replicator({
      term,
      proposerId,
      startLsn,
      history: [...history, { term, lsn: startLsn }],
      timelineStartLsn: election.startLsn === undefined ? startLsn : election.timelineStartLsn,
    });
    const { replicator } = this;
    const onPanic = (error: Error): void => {
      if (!this.#ending.signal.aborted) options.onPanic(error);
    };
    const fenced = (error: FencedError): void => {
      if (this.#isFenced || this.#ending.signal.aborted) return;
      this.#isFenced = true;
      replicator.advanced.wake();
      onFenced(error);
    };
    const peers = createPeers({
      ...{ safekeepers, timeline, identity, replicator, donor, log, onPanic },
      onFenced: fenced,
    });
    this.#tasks = peers.map((peer) => peer.run(this.#ending.signal));
  }

  /** Aborted when the term ends. */
  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  /** True when a majority has all WAL from before the term, which so is committed; false when somebody has overtaken us. */
  async synced(signal: AbortSignal): Promise<boolean> {
    const { advanced, epoch } = this.replicator;
    const wake = () => advanced.wake();
    signal.addEventListener("abort", wake, { once: true });
    try {
      while (this.replicator.commitLsn < epoch.startLsn && !this.#isFenced) {
        signal.throwIfAborted();
        await advanced.wait();
      }
    } finally {
      signal.removeEventListener("abort", wake);
    }
    return !this.#isFenced;
  }

  /** `end` waits for this task, too; it ends with the term. */
  alsoAwait(task: Promise<void>): void {
    this.#tasks.push(task);
  }

  /** The safekeepers still hear the last commit LSN, where that is possible soon. */
  async end(): Promise<void> {
    this.#ending.abort();
    this.replicator.close();
    const all = new AbortController();
    await Promise.race([Promise.all(this.#tasks), pause(FAREWELL_MS, all.signal)]);
    all.abort();
  }
}

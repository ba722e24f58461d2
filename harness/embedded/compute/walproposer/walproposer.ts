import { Lsn, PgVersion } from "../../../types";
import type { HostPort, Logger } from "../../service";
import { pause } from "../pause";
import { elect, type Election } from "./election";
import { WalproposerPanic } from "./errors";
import { createPeers } from "./create-peers";
import { PostgresStream } from "./postgres-stream";
import { Replicator } from "./replicator";
import type { ProposedTimeline, WalIdentity } from "./timeline";

/** How long the last commit LSN may take to reach the safekeepers when everything ends. */
const FAREWELL_MS = 300;

/** What the base image says about the place where Postgres resumes. */
export interface ProposedBase {
  lsn: Lsn;
  systemId: bigint;
  walSegSize: number;
}

export interface WalproposerOptions {
  safekeepers: readonly HostPort[];
  timeline: ProposedTimeline;
  log: Logger;
  /** Called once when this compute must end at once: fenced by another one, or facts that cannot be. */
  onPanic: (error: Error) => void;
}

interface Running {
  replicator: Replicator;
  identity: WalIdentity;
  tasks: Promise<void>[];
}

/**
 * Neon's walproposer beside a stock Postgres, in three steps: elect() before Postgres has its data, begin() when the base
 * image is there, stream() when Postgres runs. A commit returns in Postgres when a majority has it on disk.
 */
export class Walproposer {
  readonly #options: WalproposerOptions;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  #election: Election | undefined;
  #running: Running | undefined;
  #base: ProposedBase | undefined;
  #panicked = false;

  constructor(options: WalproposerOptions) {
    this.#options = options;
    this.#log = options.log.span("walproposer");
  }

  /**
   * Retries until a majority votes for us, then brings a majority to the end of the newest WAL among them, so that all of
   * it is committed. That end, where Postgres has to resume; undefined: no safekeeper has WAL yet.
   */
  async elect(signal: AbortSignal): Promise<Lsn | undefined> {
    const stop = AbortSignal.any([signal, this.#stopping.signal]);
    const { safekeepers, timeline } = this.#options;
    const election = await elect({ safekeepers, timeline, log: this.#log, signal: stop });
    this.#election = election;
    if (election.startLsn === undefined) return undefined;
    const { replicator } = this.#supply(election, election.startLsn, election.identity);
    const wake = () => replicator.changed.wake();
    stop.addEventListener("abort", wake, { once: true });
    await replicator.synced(stop);
    stop.removeEventListener("abort", wake);
    return election.startLsn;
  }

  /** Takes the base image's facts; where there was no WAL yet, the timeline begins at its LSN. */
  begin(base: ProposedBase): void {
    const election = this.#election;
    if (election === undefined) throw new WalproposerPanic("not elected");
    const { startLsn = base.lsn } = election;
    if (startLsn !== base.lsn) {
      const lsns = `collected propEpochStartLsn ${Lsn.format(startLsn)}, but basebackup LSN ${Lsn.format(base.lsn)}`;
      throw new WalproposerPanic(lsns);
    }
    const { systemId, walSegSize } = base;
    const { identity } = (this.#running ??= this.#supply(election, startLsn, { systemId, walSegSize }));
    if (identity.systemId !== systemId || identity.walSegSize !== walSegSize) {
      const ours = `system ${systemId} with WAL segments of ${walSegSize} bytes`;
      const theirs = `system ${identity.systemId} with ${identity.walSegSize}`;
      throw new WalproposerPanic(`the base image is of ${ours}, the safekeepers' WAL of ${theirs}`);
    }
    this.#base = base;
  }

  /** Connects to Postgres as its synchronous standby. Resolves when its WAL comes in. */
  async stream(postgres: { host: string; port: number; user: string }): Promise<void> {
    const [running, base] = [this.#running, this.#base];
    if (running === undefined || base === undefined) throw new WalproposerPanic("not begun");
    const { replicator } = running;
    const stream = new PostgresStream({
      ...postgres,
      systemId: base.systemId,
      resume: { ...base, pgVersion: PgVersion.parse(String(this.#options.timeline.pgVersion)) },
      replicator,
      log: this.#log,
      onPanic: (error) => this.#panic(error),
    });
    const task = stream.run(this.#stopping.signal);
    running.tasks.push(task);
    await Promise.race([stream.started, task]);
  }

  /** What a majority of the safekeepers has on disk; 0 before the first acknowledgements. */
  get commitLsn(): Lsn {
    return this.#running?.replicator.commitLsn ?? Lsn.INVALID;
  }

  /** Ends everything, after the safekeepers heard the last commit LSN where that is possible soon. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#running?.replicator.close();
    const never = new AbortController();
    await Promise.race([Promise.all(this.#running?.tasks ?? []), pause(FAREWELL_MS, never.signal)]);
    never.abort();
  }

  /** From here on each safekeeper gets the old WAL that it lacks, and the new WAL when it comes. */
  #supply(election: Election, startLsn: Lsn, identity: WalIdentity): Running {
    const { term, proposerId } = election;
    const replicator = new Replicator({
      term,
      proposerId,
      startLsn,
      history: [...election.history, { term, lsn: startLsn }],
      timelineStartLsn: election.startLsn === undefined ? startLsn : election.timelineStartLsn,
    });
    const { safekeepers, timeline } = this.#options;
    const onPanic = (error: Error) => this.#panic(error);
    const { donor } = election;
    const peers = createPeers({ safekeepers, timeline, identity, replicator, donor, log: this.#log, onPanic });
    const tasks = peers.map((peer) => peer.run(this.#stopping.signal));
    return (this.#running = { replicator, identity, tasks });
  }

  #panic(error: Error): void {
    if (this.#panicked) return;
    this.#panicked = true;
    this.#options.onPanic(error);
  }
}

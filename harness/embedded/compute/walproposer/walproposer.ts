import { Lsn, PgVersion } from "../../../types";
import { type HostPort, type Logger, pause } from "../../service";
import { Backoff } from "../backoff";
import { elect, type Election } from "./election";
import { type FencedError, WalproposerPanic } from "./errors";
import { LedTerm } from "./led-term";
import { PostgresStream } from "./postgres-stream";
import { addressText, type ProposedTimeline, type WalIdentity } from "./timeline";

/** Whoever has overtaken us gets this long to begin, before we look whether it has. */
const AFTER_FENCING_MS = 200;

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
  /** Called once when this compute must end at once: another one has written, or facts that cannot be. */
  onPanic: (error: Error) => void;
  /** Gets all terms that we were elected for, each time there is another one while Postgres runs. */
  onElected?: (terms: readonly bigint[]) => void;
}

interface PostgresAddress {
  host: string;
  port: number;
  user: string;
}

/**
 * Neon's walproposer beside a stock Postgres, in three steps: elect() before Postgres has its data, begin() when the base
 * image is there, stream() when Postgres runs. A commit returns in Postgres when a majority has it on disk. When its term is
 * overtaken, or its safekeepers change, it is elected anew, as long as nobody else has written meanwhile.
 */
export class Walproposer {
  readonly #options: WalproposerOptions;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  #safekeepers: readonly HostPort[];
  #election: Election | undefined;
  #led: LedTerm | undefined;
  #base: ProposedBase | undefined;
  #postgres: PostgresAddress | undefined;
  #hasResumed = false;
  #restarts: Promise<void> = Promise.resolve();
  readonly #terms = new Set<bigint>();
  #electing = false;
  #commitLsn: Lsn = Lsn.INVALID;
  #panicked = false;

  constructor(options: WalproposerOptions) {
    this.#options = options;
    this.#safekeepers = options.safekeepers;
    this.#log = options.log.span("walproposer");
  }

  /**
   * Retries until a majority votes for us, then brings a majority to the end of the newest WAL among them, so that all of
   * it is committed. That end, where Postgres has to resume; undefined: no safekeeper has WAL yet.
   */
  async elect(signal: AbortSignal): Promise<Lsn | undefined> {
    this.#electing = true;
    try {
      return await this.#electUntilSynced(AbortSignal.any([signal, this.#stopping.signal]));
    } finally {
      this.#electing = false;
    }
  }

  async #electUntilSynced(stop: AbortSignal): Promise<Lsn | undefined> {
    for (const backoff = new Backoff(100, 1_000); ; await backoff.wait(stop)) {
      stop.throwIfAborted();
      const options = { safekeepers: this.#safekeepers, timeline: this.#options.timeline, log: this.#log };
      const election = await elect({ ...options, signal: stop });
      this.#requireNobodyWrote(election);
      this.#election = election;
      const startLsn = election.startLsn ?? this.#base?.lsn;
      if (startLsn === undefined) return undefined;
      const led = this.#lead(election, startLsn, election.startLsn === undefined ? this.#base : undefined);
      if (await led.synced(stop)) return startLsn;
      await led.end();
    }
  }

  /** Takes the base image's facts; where there was no WAL yet, the timeline begins at its LSN. */
  async begin(base: ProposedBase): Promise<void> {
    await this.#restarted();
    const election = this.#election;
    if (election === undefined) throw new WalproposerPanic("not elected");
    const { startLsn = base.lsn } = election;
    if (startLsn !== base.lsn) throw otherBase(startLsn, base.lsn);
    const { systemId, walSegSize } = base;
    const { identity } = this.#led ?? this.#lead(election, startLsn, { systemId, walSegSize });
    if (identity.systemId !== systemId || identity.walSegSize !== walSegSize) {
      const ours = `system ${systemId} with WAL segments of ${walSegSize} bytes`;
      const theirs = `system ${identity.systemId} with ${identity.walSegSize}`;
      throw new WalproposerPanic(`the base image is of ${ours}, the safekeepers' WAL of ${theirs}`);
    }
    this.#base = { lsn: base.lsn, systemId, walSegSize };
  }

  /** Connects to Postgres as its synchronous standby. Resolves when its WAL comes in. */
  async stream(postgres: PostgresAddress): Promise<void> {
    await this.#restarted();
    this.#postgres = postgres;
    await this.#startStream();
  }

  /** Other safekeepers, or the same. Resolves when a majority of them has all that was committed. */
  async changeSafekeepers(safekeepers: readonly HostPort[]): Promise<void> {
    const text = (list: readonly HostPort[]) => list.map(addressText).toSorted().join();
    if (safekeepers.length === 0 || text(safekeepers) === text(this.#safekeepers)) return;
    this.#log.info(`safekeepers changed from ${text(this.#safekeepers)} to ${text(safekeepers)}`);
    this.#safekeepers = safekeepers;
    await this.#restart(0);
  }

  /** All that we were elected for. */
  get terms(): readonly bigint[] {
    return [...this.#terms];
  }

  /** The term that has written the end of the WAL that we were elected with; undefined when there was none. */
  get lastTerm(): bigint | undefined {
    return this.#election?.history.at(-1)?.term;
  }

  /** What a majority of the safekeepers has on disk; 0 before the first acknowledgements. */
  get commitLsn(): Lsn {
    const commitLsn = this.#led?.replicator.commitLsn ?? Lsn.INVALID;
    if (commitLsn > this.#commitLsn) this.#commitLsn = commitLsn;
    return this.#commitLsn;
  }

  /** Ends everything, after the safekeepers heard the last commit LSN where that is possible soon. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#led?.end();
  }

  /** From here on each safekeeper gets the old WAL that it lacks, and the new WAL when it comes. */
  #lead(election: Election, startLsn: Lsn, identity: WalIdentity = election.identity): LedTerm {
    const { timeline } = this.#options;
    this.#terms.add(election.term);
    if (this.#base !== undefined) this.#options.onElected?.(this.terms);
    const led: LedTerm = new LedTerm({
      ...{ election, identity, startLsn, safekeepers: this.#safekeepers, timeline, log: this.#log },
      onPanic: (error) => this.#panic(error),
      onFenced: (error) => this.#fenced(led, error),
    });
    return (this.#led = led);
  }

  /** While electing, the loop there tries again. */
  #fenced(led: LedTerm, error: FencedError): void {
    this.#log.warn(error.message);
    if (led === this.#led && !this.#electing) void this.#restart(AFTER_FENCING_MS);
  }

  /**
   * Postgres goes on from its base and what it has written since. Whatever another compute has written is not in it, so
   * then it must end; a term of ours that was overtaken by nobody's writing is as good as before.
   */
  #requireNobodyWrote(election: Election): void {
    const base = this.#base;
    if (base === undefined || election.startLsn === base.lsn) return;
    if (election.startLsn === undefined && this.commitLsn <= base.lsn) return;
    if (this.#terms.has(election.history.at(-1)?.term ?? 0n)) return;
    throw otherBase(election.startLsn ?? Lsn.INVALID, base.lsn);
  }

  /** One at a time. What goes wrong here for good is a panic; a stop is none. */
  #restart(delayMs: number): Promise<void> {
    const run = async (): Promise<void> => {
      await pause(delayMs, this.#stopping.signal);
      await this.#led?.end();
      try {
        await this.elect(this.#stopping.signal);
        if (this.#postgres !== undefined) await this.#startStream();
      } catch (error) {
        if (!this.#stopping.signal.aborted) this.#panic(error instanceof Error ? error : new Error(String(error)));
      }
    };
    return (this.#restarts = this.#restarts.then(run));
  }

  /** Resolves when no restart is under way. */
  async #restarted(): Promise<void> {
    for (let awaited: Promise<void> | undefined; awaited !== this.#restarts;) await (awaited = this.#restarts);
  }

  async #startStream(): Promise<void> {
    const [led, base, postgres] = [this.#led, this.#base, this.#postgres];
    if (led === undefined || base === undefined || postgres === undefined) throw new WalproposerPanic("not begun");
    const { replicator } = led;
    const pgVersion = PgVersion.parse(String(this.#options.timeline.pgVersion));
    const stream = new PostgresStream({
      ...postgres,
      systemId: base.systemId,
      resume: this.#hasResumed ? undefined : { ...base, pgVersion },
      onResumed: () => (this.#hasResumed = true),
      replicator,
      log: this.#log,
      onPanic: (error) => this.#panic(error),
    });
    const task = stream.run(led.ended);
    led.alsoAwait(task);
    await Promise.race([stream.started, task]);
  }

  #panic(error: Error): void {
    if (this.#panicked) return;
    this.#panicked = true;
    this.#options.onPanic(error);
  }
}

function otherBase(startLsn: Lsn, baseLsn: Lsn): WalproposerPanic {
  const lsns = `collected propEpochStartLsn ${Lsn.format(startLsn)}, but basebackup LSN ${Lsn.format(baseLsn)}`;
  return new WalproposerPanic(lsns);
}

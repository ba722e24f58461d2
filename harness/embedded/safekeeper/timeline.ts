import { mkdir, unlink } from "node:fs/promises";
import { Lsn, PgVersion } from "../../types";
import type { PageserverFeedback } from "../../wire";
import { errorText, type Logger } from "../service";
import type { Elected, Greeting } from "./acceptor";
import { AcceptorError, acceptGreeting, advanceCommit, decideAppend, decideElected, decideVote } from "./acceptor";
import {
  type AcceptorState,
  formatTtid,
  type MembershipConf,
  type PartialSegment,
  type Progress,
  type TenantTimelineId,
} from "./acceptor-state";
import { maxLsn } from "./acceptor-state";
import { ControlFile, type ControlFileContent } from "./control-file";
import { Listeners } from "./listeners";
import { Mutex } from "./mutex";
import { type PeerInfo, Peers } from "./peers";
import { historyUpTo, lastLogTerm } from "./term-history";
import type { AppendMessage, AppendOutcome, VoteReply } from "./timeline-messages";
import type { WalReceiver } from "./wal-receiver";
import type { WalSender } from "./wal-sender";
import { requireSegmentUpTo } from "./segment-file";
import { WalStorage } from "./wal-storage";
import { segmentStart } from "../wal/segments";
import { type BackupCounts, newBackupCounts } from "./backup/backup-counts";
import type { RemoteWal } from "./backup/remote-wal";
import { partialPath, restorePartial } from "./backup/restore-partial";

export interface TimelineOptions {
  directory: string;
  sync: boolean;
  nodeId: number;
  log: Logger;
  /** The timeline's WAL in remote storage; undefined where none is configured. */
  remote?: RemoteWal | undefined;
  /** Whether whole segments are uploaded there. */
  walBackup?: boolean;
  counts?: BackupCounts;
}

/** One timeline: the acceptor's rules applied to a control file and WAL on disk, one message at a time. */
export class Timeline {
  readonly directory: string;
  readonly nodeId: number;
  readonly log: Logger;
  readonly peers = new Peers();
  readonly receivers = new Set<WalReceiver>();
  readonly senders = new Set<WalSender>();
  /** Notified when term, flush_lsn or commit_lsn moved. */
  readonly moved = new Listeners();
  /** Notified when all that was written up to some moment is on disk. */
  readonly flushed = new Listeners();
  /** Aborted when the timeline is deleted or the safekeeper stops. */
  readonly cancelled: AbortSignal;
  pageserverFeedback: PageserverFeedback | undefined;
  readonly remote: RemoteWal | undefined;
  /** Whether this safekeeper is the one that uploads the timeline's WAL. */
  isBackingUp = false;
  /** WAL segments below it are not on this disk any more; 0 until somebody has looked. */
  removedBefore: Lsn = Lsn.INVALID;
  readonly #walBackup: boolean;
  readonly #counts: BackupCounts;
  readonly #cancel = new AbortController();
  readonly #sync: boolean;
  readonly #lock = new Mutex();
  readonly #control: ControlFile;
  #storage: WalStorage | undefined;
  /** The highest commit_lsn that the proposer of our term has announced; our disk may be behind it. */
  #commitCandidate: Lsn = Lsn.INVALID;
  #writeFailed = false;
  #closed = false;

  private constructor(options: TimelineOptions, content: ControlFileContent) {
    this.directory = options.directory;
    this.nodeId = options.nodeId;
    this.log = options.log;
    this.remote = options.remote;
    this.#walBackup = options.walBackup ?? false;
    this.#counts = options.counts ?? newBackupCounts();
    this.#sync = options.sync;
    this.#control = new ControlFile(options.directory, options.sync, content);
    this.cancelled = this.#cancel.signal;
  }

  /** Opens a timeline whose control file was read, and finds the end of its WAL. */
  static async load(options: TimelineOptions, content: ControlFileContent): Promise<Timeline> {
    const timeline = new Timeline(options, content);
    await timeline.#openStorage();
    return timeline;
  }

  /** Writes the first control file of a new timeline. */
  static async create(options: TimelineOptions, content: ControlFileContent): Promise<Timeline> {
    await mkdir(options.directory, { recursive: true });
    const timeline = new Timeline(options, content);
    await timeline.#control.store(content.state);
    await timeline.#openStorage();
    return timeline;
  }

  get id(): TenantTimelineId {
    return this.#control.state;
  }

  get state(): AcceptorState {
    return this.#control.state;
  }

  get progress(): Progress {
    return this.#control.progress;
  }

  /** End of the last whole record on disk; 0 when nothing was ever written. */
  get flushLsn(): Lsn {
    return this.#storage?.flushLsn ?? this.progress.offloadedAt ?? Lsn.INVALID;
  }

  get writeLsn(): Lsn {
    return this.#storage?.writeLsn ?? Lsn.INVALID;
  }

  get writtenWalBytes(): number {
    return this.#storage?.writtenBytes ?? 0;
  }

  get commitLsn(): Lsn {
    return this.progress.commitLsn;
  }

  get lastLogTerm(): bigint {
    return lastLogTerm(this.state.termHistory, this.flushLsn);
  }

  /** Whether somebody writes here, or the pageserver does not have everything yet: then the broker is told. */
  get isActive(): boolean {
    if (this.receivers.size > 0 || this.progress.remoteConsistentLsn < this.commitLsn) return true;
    return this.#walBackup && this.#hasSegmentToBackUp();
  }

  #hasSegmentToBackUp(): boolean {
    const { walSegSize } = this.state.server;
    if (walSegSize === 0) return false;
    return segmentStart(this.commitLsn, walSegSize) > segmentStart(this.progress.backupLsn, walSegSize);
  }

  /** Whether its WAL is on this disk. */
  get isResident(): boolean {
    return this.progress.offloadedAt === undefined;
  }

  /** WAL up to `lsn` is in remote storage. */
  advanceBackup(lsn: Lsn): void {
    this.progress.backupLsn = maxLsn(this.progress.backupLsn, lsn);
    this.moved.notify();
  }

  /** Lets the last segment leave this disk, unless somebody has come for it. */
  evict(partial: PartialSegment, options: { deleteWal: boolean }): Promise<void> {
    return this.#lock.run(async () => {
      const isSame = this.flushLsn === partial.flushLsn && this.writeLsn === partial.flushLsn;
      if (!isSame || this.receivers.size + this.senders.size > 0 || this.#closed) return;
      this.#counts.evictionsStarted += 1;
      this.progress.offloadedAt = partial.flushLsn;
      // First it must be known as gone: without it the timeline would seem to end earlier.
      await this.#control.storeProgress();
      await this.#storage?.close();
      this.#storage = undefined;
      if (options.deleteWal) await unlink(partialPath(this.directory, partial, this.state.server.walSegSize));
      this.#counts.evictionsCompleted += 1;
      this.log.info("successfully evicted timeline");
    });
  }

  /** Brings back what evict() let go. Rejects when remote storage does not have it. */
  ensureResident(): Promise<void> {
    return this.#lock.run(() => this.#restore());
  }

  async #restore(): Promise<void> {
    const { offloadedAt, partialSegments } = this.progress;
    if (offloadedAt === undefined) return;
    this.#counts.restoresStarted += 1;
    const partial = partialSegments.find(({ status, flushLsn }) => status === "Uploaded" && flushLsn === offloadedAt);
    if (partial === undefined || this.remote === undefined) {
      throw new Error(`the partial segment of offloaded timeline ${formatTtid(this.id)} is unknown`);
    }
    const { walSegSize } = this.state.server;
    await restorePartial(this.remote, partial, { directory: this.directory, walSegSize, sync: this.#sync });
    this.progress.offloadedAt = undefined;
    await this.#openStorage();
    if (this.flushLsn !== partial.flushLsn) {
      const end = `${Lsn.format(this.flushLsn)}, not at ${Lsn.format(partial.flushLsn)}`;
      await this.#storage?.close();
      this.#storage = undefined;
      this.progress.offloadedAt = offloadedAt;
      throw new Error(`the restored WAL of timeline ${formatTtid(this.id)} ends at ${end}`);
    }
    await this.#control.storeProgress();
    this.#counts.restoresCompleted += 1;
    this.log.info("successfully restored evicted timeline");
  }

  /** Takes what a proposer says about its Postgres; returns our term. */
  greet(greeting: Greeting): Promise<bigint> {
    return this.#lock.run(async () => {
      await this.#restore();
      const server = acceptGreeting(this.state, greeting);
      const known = this.state.server;
      if (server.pgVersion !== known.pgVersion || known.systemId === 0n || known.walSegSize === 0) {
        await this.#control.store({ ...this.state, server });
      }
      await this.#openStorage();
      return this.state.term;
    });
  }

  /** The flush position is read only once the vote is on disk: the old proposer cannot get an answer after that. */
  vote(term: bigint): Promise<VoteReply> {
    return this.#lock.run(async () => {
      await this.#storage?.flush();
      const { granted, next } = decideVote(this.state, term);
      if (granted) await this.#control.store(next);
      this.moved.notify();
      return {
        term: this.state.term,
        granted,
        flushLsn: this.flushLsn,
        truncateLsn: this.progress.peerHorizonLsn,
        termHistory: historyUpTo(this.state.termHistory, this.flushLsn),
        timelineStartLsn: this.state.timelineStartLsn,
      };
    });
  }

  elected(elected: Elected): Promise<void> {
    return this.#lock.run(async () => {
      const storage = this.#requireStorage();
      const decision = decideElected(this.state, { flushLsn: this.flushLsn, commitLsn: this.commitLsn }, elected);
      if (decision.kind === "superseded") return;
      // A crash between the two leaves less WAL under the old history, which is harmless.
      await storage.cut(decision.truncateAt);
      this.#commitCandidate = Lsn.INVALID;
      this.progress.commitLsn = maxLsn(this.commitLsn, decision.next.timelineStartLsn);
      this.progress.backupLsn = maxLsn(this.progress.backupLsn, decision.next.timelineStartLsn);
      await this.#control.store(decision.next);
      this.moved.notify();
    });
  }

  /** Writes the WAL; `flushed` tells when it is on disk. */
  append(append: AppendMessage): Promise<AppendOutcome> {
    return this.#lock.run(() => this.#append(append));
  }

  /** The same without waiting; undefined: something else is under way, and nothing was done. */
  appendAtOnce(append: AppendMessage): AppendOutcome | undefined {
    return this.#lock.isTaken ? undefined : this.#append(append);
  }

  #append(append: AppendMessage): AppendOutcome {
    const storage = this.#requireStorage();
    if (decideAppend(this.state, storage.writeLsn, append) === "superseded") return "superseded";
    if (append.wal.length > 0) this.#write(storage, append.wal);
    this.progress.proposerUuid = append.proposerUuid;
    this.progress.peerHorizonLsn = maxLsn(this.progress.peerHorizonLsn, append.truncateLsn);
    this.#commitCandidate = maxLsn(this.#commitCandidate, append.commitLsn);
    this.#advanceCommit();
    return "written";
  }

  /** Raises the term to `term`, if that is higher. */
  bumpTerm(term: bigint): Promise<{ previous: bigint; current: bigint }> {
    return this.#lock.run(async () => {
      const previous = this.state.term;
      const current = maxLsn(term, previous);
      if (current > previous) await this.#control.store({ ...this.state, term: current });
      this.moved.notify();
      return { previous, current };
    });
  }

  /** Takes a membership configuration of a higher generation. */
  switchMembership(next: MembershipConf): Promise<{ previous: MembershipConf; current: MembershipConf }> {
    return this.#lock.run(async () => {
      const previous = this.state.mconf;
      if (next.generation > previous.generation) await this.#control.store({ ...this.state, mconf: next });
      return { previous, current: this.state.mconf };
    });
  }

  /** Replaces what the control file says; `change` gets a copy of it. For repairs by hand. */
  patch(change: (content: ControlFileContent) => ControlFileContent): Promise<void> {
    return this.#lock.run(async () => {
      const { state, progress } = change({ state: this.state, progress: { ...this.progress } });
      Object.assign(this.progress, progress);
      await this.#control.store(state);
    });
  }

  /** Another safekeeper of this timeline spoke through the broker. */
  recordPeer(peer: PeerInfo): void {
    this.peers.record(peer);
    const { progress } = this;
    progress.remoteConsistentLsn = maxLsn(progress.remoteConsistentLsn, peer.remoteConsistentLsn);
    progress.backupLsn = maxLsn(progress.backupLsn, peer.backupLsn);
    progress.peerHorizonLsn = maxLsn(progress.peerHorizonLsn, peer.peerHorizonLsn);
    // Equal last terms mean that one log is a prefix of the other, so what is committed there is committed here.
    if (peer.lastLogTerm === this.lastLogTerm && peer.safekeeperId !== this.nodeId) {
      this.#moveCommit(peer.commitLsn);
    }
  }

  recordPageserverFeedback(feedback: PageserverFeedback): void {
    this.pageserverFeedback = feedback;
    this.progress.remoteConsistentLsn = maxLsn(this.progress.remoteConsistentLsn, feedback.remoteConsistentLsn);
  }

  /** Does nothing once the timeline is closed: its directory may be gone. */
  async storeProgress(): Promise<void> {
    if (!this.#closed) await this.#control.storeProgress();
  }

  /** Ends every connection that uses the timeline, stores its progress and closes its files. */
  close(): Promise<void> {
    this.#cancel.abort();
    this.moved.notify();
    return this.#lock.run(async () => {
      await this.#storage?.close();
      await this.storeProgress();
      this.#closed = true;
    });
  }

  #requireStorage(): WalStorage {
    if (this.#storage === undefined) throw new AcceptorError("the proposer has not greeted yet");
    return this.#storage;
  }

  async #openStorage(): Promise<void> {
    const { server, timelineStartLsn, localStartLsn } = this.state;
    if (!this.isResident || this.#storage !== undefined || server.walSegSize === 0 || server.pgVersion === 0) return;
    const storage = new WalStorage({
      directory: this.directory,
      walSegSize: server.walSegSize,
      pgVersion: PgVersion.parse(String(server.pgVersion)),
      sync: this.#sync,
      onFlushed: () => this.#onFlushed(),
      onFailed: (error) => this.log.error(`WAL storage failed: ${errorText(error)}`),
    });
    if (timelineStartLsn !== Lsn.INVALID) {
      // What is committed was acknowledged: where a file ends before, it is damaged.
      const { directory, commitLsn } = this;
      if (commitLsn > localStartLsn) requireSegmentUpTo(directory, commitLsn, server.walSegSize);
      await storage.recover(maxLsn(localStartLsn, commitLsn));
    }
    this.#storage = storage;
  }

  /** A disk that stays full would otherwise be reported at every attempt of the proposer. */
  #write(storage: WalStorage, wal: Buffer): void {
    try {
      storage.write(wal);
      this.#writeFailed = false;
    } catch (error) {
      const text = `failed to write WAL at ${Lsn.format(storage.writeLsn)}: ${errorText(error)}`;
      if (this.#writeFailed) this.log.debug(text);
      else this.log.error(text);
      this.#writeFailed = true;
      throw new AcceptorError(text, { cause: error });
    }
  }

  #onFlushed(): void {
    this.#advanceCommit();
    this.flushed.notify();
    this.moved.notify();
  }

  #advanceCommit(): void {
    this.#moveCommit(this.#commitCandidate);
  }

  #moveCommit(candidate: Lsn): void {
    const before = this.commitLsn;
    this.progress.commitLsn = advanceCommit(this.progress, candidate, this.flushLsn);
    if (this.commitLsn > before) this.moved.notify();
  }
}

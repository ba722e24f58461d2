import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { Lsn } from "../../../types";
import { errorText, type Logger } from "../../service";
import { segmentFileName, segmentOffset, segmentStart } from "../../wal/segments";
import { minLsn, type PartialSegment } from "../acceptor-state";
import { PARTIAL } from "../segment-file";
import { listSegments } from "../segment-directory";
import type { Timeline } from "../timeline";
import type { BackupConfig } from "./backup-config";
import type { BackupCounts } from "./backup-counts";
import { electOffloader } from "./elect-offloader";
import { partialName, type RemoteWal } from "./remote-wal";

export interface KeeperOptions {
  readonly timeline: Timeline;
  /** Undefined where no remote storage is configured. */
  readonly remote: RemoteWal | undefined;
  readonly config: BackupConfig;
  readonly counts: BackupCounts;
  readonly peersMaxAgeMs: number;
  readonly log: Logger;
}

/** Uploads the WAL of one timeline, removes what nobody needs here any more, and lets it leave this disk when it is idle. */
export class TimelineKeeper {
  readonly #options: KeeperOptions;
  #busy = false;
  #failed = false;
  /** What the last segment held when it was seen for the first time, and when that was. */
  #partialSeen: { flushLsn: Lsn; term: bigint; at: number } | undefined;
  #mayEvictAt: number;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#mayEvictAt = performance.now() + options.config.evictionMinResidentMs * (0.5 + Math.random() / 2);
  }

  /** One turn; does nothing while an earlier one goes on. */
  async tick(): Promise<void> {
    if (this.#busy || this.#options.timeline.cancelled.aborted) return;
    this.#busy = true;
    try {
      await this.#turn();
      this.#failed = false;
    } catch (error) {
      if (!this.#options.timeline.cancelled.aborted) this.#complain(error);
    } finally {
      this.#busy = false;
    }
  }

  /** Storage that stays away is worth one line. */
  #complain(error: unknown): void {
    if (!this.#failed) this.#options.log.warn(`WAL backup failed, will retry: ${errorText(error)}`);
    this.#failed = true;
  }

  async #turn(): Promise<void> {
    const { timeline, config } = this.#options;
    if (!timeline.isResident) return;
    if (config.walBackup) await this.#backUp();
    await this.#removeOld();
    if (this.#options.remote !== undefined) await this.#backUpPartial();
    if (config.offload) await this.#evictIfIdle();
  }

  async #backUp(): Promise<void> {
    const { timeline, remote, config, peersMaxAgeMs, counts } = this.#options;
    const { walSegSize } = timeline.state.server;
    if (remote === undefined || walSegSize === 0) return;
    const peers = timeline.peers.recent(peersMaxAgeMs);
    const offloader = electOffloader(
      peers,
      timeline.progress.backupLsn,
      timeline.id.timelineId,
      config.maxOffloaderLag,
    );
    timeline.isBackingUp = offloader === timeline.nodeId;
    if (!timeline.isBackingUp) return;
    const end = segmentStart(timeline.commitLsn, walSegSize);
    for (let start = segmentStart(timeline.progress.backupLsn, walSegSize); start < end; start += BigInt(walSegSize)) {
      if (timeline.cancelled.aborted) return;
      await remote.uploadSegment(join(timeline.directory, segmentFileName(start, walSegSize)), start, walSegSize);
      counts.backedUpSegments += 1;
      timeline.advanceBackup(start + BigInt(walSegSize));
    }
  }

  /** What pageservers and all safekeepers have, and, where it is backed up, remote storage. */
  #horizon(): Lsn {
    const { timeline, config } = this.#options;
    const { remoteConsistentLsn, peerHorizonLsn, backupLsn } = timeline.progress;
    const needed = minLsn(minLsn(remoteConsistentLsn, peerHorizonLsn), timeline.commitLsn);
    return config.walBackup ? minLsn(needed, backupLsn) : needed;
  }

  async #removeOld(): Promise<void> {
    const { timeline, log, counts } = this.#options;
    const { walSegSize } = timeline.state.server;
    if (walSegSize === 0) return;
    const horizon = segmentStart(this.#horizon(), walSegSize);
    if (horizon <= timeline.removedBefore) return;
    // The file that is read after a crash must not promise less than what is gone.
    await timeline.storeProgress();
    const old = (await listSegments(timeline.directory, walSegSize)).filter(({ startLsn }) => startLsn < horizon);
    for (const { name } of old) await unlink(join(timeline.directory, name));
    timeline.removedBefore = horizon;
    counts.removedSegments += old.length;
    if (old.length > 0) log.info(`removed ${old.length} WAL segments < ${Lsn.format(horizon)}`);
  }

  /** Whether the last segment differs from what was uploaded of it. */
  #uploadedPartial(): PartialSegment | undefined {
    const { timeline } = this.#options;
    return timeline.progress.partialSegments.find(
      ({ status, flushLsn, term }) =>
        status === "Uploaded" && flushLsn === timeline.flushLsn && term === timeline.lastLogTerm,
    );
  }

  async #backUpPartial(): Promise<void> {
    const { timeline, config, remote, counts } = this.#options;
    const { walSegSize } = timeline.state.server;
    const { flushLsn, lastLogTerm: term } = timeline;
    const isEmpty = walSegSize === 0 || segmentOffset(flushLsn, walSegSize) === 0;
    if (remote === undefined || flushLsn === Lsn.INVALID || isEmpty || this.#uploadedPartial() !== undefined) return;
    if (this.#partialSeen?.flushLsn !== flushLsn || this.#partialSeen.term !== term) {
      this.#partialSeen = { flushLsn, term, at: performance.now() };
    }
    if (performance.now() - this.#partialSeen.at < config.partialBackupTimeoutMs) return;
    const commitLsn = timeline.commitLsn;
    const segment = segmentFileName(flushLsn, walSegSize);
    const name = partialName(segment, { term, flushLsn, commitLsn }, timeline.nodeId);
    const earlier = timeline.progress.partialSegments;
    const entry: PartialSegment = { status: "InProgress", name, commitLsn, flushLsn, term };
    timeline.progress.partialSegments = [...earlier, entry];
    await timeline.storeProgress();
    const length = segmentOffset(flushLsn, walSegSize);
    await remote.uploadPartial(name, join(timeline.directory, segment + PARTIAL), length);
    counts.partialUploads += 1;
    counts.partialBytes += length;
    // What was written or cut meanwhile is another state than the name says.
    if (timeline.flushLsn !== flushLsn || timeline.lastLogTerm !== term) return;
    timeline.progress.partialSegments = [
      ...earlier.map((old) => ({ ...old, status: "Deleting" as const })),
      { ...entry, status: "Uploaded" },
    ];
    await timeline.storeProgress();
    await this.#removeOldPartials(remote, earlier);
  }

  async #removeOldPartials(remote: RemoteWal, old: readonly PartialSegment[]): Promise<void> {
    const { timeline } = this.#options;
    for (const { name } of old) await remote.removePartial(name);
    const gone = new Set(old.map(({ name }) => name));
    timeline.progress.partialSegments = timeline.progress.partialSegments.filter(({ name }) => !gone.has(name));
    await timeline.storeProgress();
  }

  async #evictIfIdle(): Promise<void> {
    const { timeline, config } = this.#options;
    const { walSegSize } = timeline.state.server;
    const partial = this.#uploadedPartial();
    const isIdle = !timeline.isActive && timeline.receivers.size === 0 && timeline.senders.size === 0;
    if (!isIdle) this.#mayEvictAt = Math.max(this.#mayEvictAt, performance.now() + config.evictionMinResidentMs / 2);
    if (!isIdle || partial === undefined || performance.now() < this.#mayEvictAt) return;
    // Only the last segment may be left here, and all of it committed.
    const isLast = segmentStart(partial.flushLsn, walSegSize) === timeline.removedBefore;
    if (!isLast || partial.flushLsn !== timeline.commitLsn) return;
    await timeline.evict(partial, { deleteWal: config.deleteOffloadedWal });
    this.#mayEvictAt = performance.now() + config.evictionMinResidentMs;
  }
}

import { Lsn } from "../../../types";
import type { BrokerClient, Subscription } from "../../broker/client";
import { errorText, type Logger, parseHostPort } from "../../service";
import { WalFormatError } from "../../wal/decoder";
import { stats } from "../stats";
import type { Timeline } from "../timeline/timeline";
import { Candidates } from "./candidates";
import type { Candidate, WalReceiverStatus } from "./status";
import { receiveWal } from "./wal-connection";

interface Current {
  readonly candidate: Candidate;
  readonly abort: AbortController;
  streaming: boolean;
  lastProgress: number;
}

/** What a safekeeper says that has nothing more, now and for a while. */
const CAUGHT_UP = "ending streaming to";

/** How often a connection is compared with the other safekeepers. */
const CHECK_MS = 500;

/** Keeps one active timeline connected to a safekeeper that has its newest WAL, for as long as the timeline is here. */
export class WalConnectionManager {
  readonly #timeline: Timeline;
  readonly #log: Logger;
  readonly #candidates: Candidates;
  readonly #subscription: Subscription;
  readonly #options: { walSegSize: () => Promise<number>; token: string | undefined };
  readonly #check: NodeJS.Timeout;
  #current: Current | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;
  #lastReceivedLsn: Lsn | undefined;
  #lastReceivedMicros: number | undefined;

  constructor(
    timeline: Timeline,
    broker: BrokerClient,
    options: { walSegSize: () => Promise<number>; token: string | undefined },
  ) {
    const { tenantId } = timeline.shardId;
    this.#timeline = timeline;
    this.#log = timeline.log.span("wal_connection_manager");
    this.#options = options;
    this.#candidates = new Candidates(() => timeline.conf().milliseconds("lagging_wal_timeout"));
    this.#subscription = broker.subscribe({ tenantId, timelineId: timeline.timelineId }, (info) => {
      stats.walReceiver.brokerUpdates += 1;
      this.#candidates.update(info);
      if (info.standbyHorizon !== 0n) timeline.standbyHorizon = info.standbyHorizon;
      this.#connectIfIdle();
    });
    this.#check = setInterval(() => this.#leaveLaggard(), CHECK_MS);
    this.#check.unref();
  }

  stop(): void {
    this.#stopped = true;
    this.#subscription.close();
    clearInterval(this.#check);
    clearTimeout(this.#retry);
    this.#current?.abort.abort();
  }

  status(): WalReceiverStatus {
    const streaming = this.#current?.streaming === true ? this.#current.candidate : undefined;
    return {
      connstr: streaming === undefined ? null : `postgresql://${streaming.connstr}`,
      lastReceivedLsn: this.#lastReceivedLsn,
      lastReceivedMicros: this.#lastReceivedMicros,
      text: this.#statusText(streaming),
    };
  }

  #statusText(streaming: Candidate | undefined): string {
    const known = this.#candidates
      .all()
      .map(({ nodeId, updatedAt, commitLsn }) => `(${nodeId}|${clock(updatedAt)}|${Lsn.format(commitLsn)})`);
    const candidates = `safekeeper candidates (id|update_time|commit_lsn): [${known.join(", ")}]`;
    if (streaming === undefined) return ` : disconnected, ${candidates}`;
    const commit = Lsn.format(this.#candidates.commitLsnOf(streaming.nodeId));
    const received = Lsn.format(this.#lastReceivedLsn ?? this.#timeline.lastRecordLsn);
    return ` : streaming WAL from node ${streaming.nodeId}, commit|streaming Lsn: ${commit}|${received}, ${candidates}`;
  }

  #connectIfIdle(): void {
    if (this.#stopped || this.#current !== undefined) return;
    const candidate = this.#candidates.best();
    if (candidate === undefined) return this.#retryLater();
    const current = { candidate, abort: new AbortController(), streaming: false, lastProgress: Date.now() };
    this.#current = current;
    void this.#receive(current);
  }

  async #receive(current: Current): Promise<void> {
    const { candidate, abort } = current;
    const log = this.#log.span("connection", { node_id: String(candidate.nodeId) });
    try {
      stats.walReceiver.connections += 1;
      log.info(`connecting to safekeeper at ${candidate.connstr}`);
      await receiveWal({
        timeline: this.#timeline,
        address: parseHostPort(candidate.connstr),
        walSegSize: await this.#options.walSegSize(),
        token: this.#options.token,
        signal: abort.signal,
        onReceived: (lsn) => this.#received(current, lsn),
      });
      log.info("safekeeper ended the stream");
    } catch (error) {
      if (error instanceof WalFormatError) log.warn(`safekeeper at ${candidate.connstr} sent ${errorText(error)}`);
      else if (!abort.signal.aborted) log.info(`walreceiver connection handling ended: ${errorText(error)}`);
      // There will be nothing to receive before the broker has news of it.
      if (errorText(error).includes(CAUGHT_UP)) this.#candidates.forget(candidate.nodeId);
    }
    this.#candidates.failed(candidate.nodeId);
    this.#current = undefined;
    this.#connectIfIdle();
  }

  #received(current: Current, lsn: Lsn): void {
    current.streaming = true;
    current.lastProgress = Date.now();
    this.#candidates.worked(current.candidate.nodeId);
    this.#lastReceivedLsn = lsn;
    this.#lastReceivedMicros = Date.now() * 1000;
  }

  /** No candidate can be tried now: the next news or the end of a pause will. */
  #retryLater(): void {
    const pause = this.#candidates.msUntilRetry();
    if (pause === undefined || this.#stopped) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connectIfIdle(), pause + 1);
  }

  /** A safekeeper that stays behind what another one has committed is left for that one. */
  #leaveLaggard(): void {
    const current = this.#current;
    const best = this.#candidates.best();
    if (current === undefined || best === undefined || best.nodeId === current.candidate.nodeId) return;
    const silence = Date.now() - current.lastProgress;
    const limit = this.#timeline.conf().milliseconds("lagging_wal_timeout");
    if (best.commitLsn <= this.#timeline.lastRecordLsn || silence < limit) return;
    this.#log.info(`safekeeper ${current.candidate.nodeId} lags behind safekeeper ${best.nodeId}, switching`);
    stats.walReceiver.switches += 1;
    current.abort.abort();
  }
}

const clock = (time: number): string => new Date(time).toISOString().slice(11, 19);

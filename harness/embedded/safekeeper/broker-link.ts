import { BrokerClient, type SafekeeperTimelineInfo } from "../broker/client";
import type { Logger } from "../service";
import { standbyHorizon } from "./feedback";
import type { SafekeeperMetrics } from "./metrics";
import type { Timeline } from "./timeline";
import type { TimelineMap } from "./timeline-map";

const PUSH_INTERVAL_MS = 1000;
/** News that come in quick succession are told together, at intervals that become longer as long as they come. */
const LEAST_INTERVAL_MS = 20;
const MOST_INTERVAL_MS = 200;

export interface BrokerLinkOptions {
  endpoint: string;
  log: Logger;
  timelines: TimelineMap;
  metrics: SafekeeperMetrics;
  /** Addresses that others reach us at: host:port. */
  pgAddress: string;
  httpAddress: string;
  availabilityZone: string | undefined;
}

function timelineInfo(timeline: Timeline, options: BrokerLinkOptions): SafekeeperTimelineInfo {
  const { state, progress } = timeline;
  return {
    safekeeperId: BigInt(timeline.nodeId),
    tenantId: state.tenantId,
    timelineId: state.timelineId,
    lastLogTerm: timeline.lastLogTerm,
    flushLsn: timeline.flushLsn,
    commitLsn: timeline.commitLsn,
    backupLsn: progress.backupLsn,
    remoteConsistentLsn: progress.remoteConsistentLsn,
    peerHorizonLsn: progress.peerHorizonLsn,
    localStartLsn: state.localStartLsn,
    safekeeperConnstr: options.pgAddress,
    ...(options.availabilityZone === undefined ? {} : { availabilityZone: options.availabilityZone }),
    term: state.term,
    httpConnstr: options.httpAddress,
    standbyHorizon: standbyHorizon([...timeline.senders].map((sender) => sender.feedback)),
  };
}

/** Tells the storage broker about our timelines, each second and when something moved, and listens to our peers. */
export class BrokerLink {
  readonly #options: BrokerLinkOptions;
  readonly #client: BrokerClient;
  readonly #moved = new Set<Timeline>();
  readonly #interval: NodeJS.Timeout;
  #pending: NodeJS.Timeout | undefined;
  #lastPush = 0;
  #throttleMs = LEAST_INTERVAL_MS;

  constructor(options: BrokerLinkOptions) {
    this.#options = options;
    this.#client = new BrokerClient({ endpoint: options.endpoint, log: options.log });
    this.#client.subscribe("all", (info) => this.#onInfo(info));
    this.#interval = setInterval(() => this.#push(this.#active()), PUSH_INTERVAL_MS);
    this.#push(this.#active());
  }

  /** Publishes the timeline's state soon after each move. */
  watch(timeline: Timeline): void {
    timeline.moved.add(() => this.#onMoved(timeline));
  }

  close(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#pending);
    this.#client.close();
  }

  #active(): Timeline[] {
    return this.#options.timelines.all.filter((timeline) => timeline.isActive);
  }

  #onMoved(timeline: Timeline): void {
    if (timeline.cancelled.aborted) return;
    this.#moved.add(timeline);
    if (this.#pending !== undefined) return;
    const since = performance.now() - this.#lastPush;
    this.#throttleMs =
      since > 2 * this.#throttleMs ? LEAST_INTERVAL_MS : Math.min(2 * this.#throttleMs, MOST_INTERVAL_MS);
    this.#pending = setTimeout(() => this.#pushMoved(), Math.max(0, this.#throttleMs - since));
  }

  #pushMoved(): void {
    this.#pending = undefined;
    this.#lastPush = performance.now();
    this.#push(this.#moved);
    this.#moved.clear();
  }

  #push(timelines: Iterable<Timeline>): void {
    for (const timeline of timelines) {
      if (timeline.cancelled.aborted) continue;
      this.#client.publisher().publish(timelineInfo(timeline, this.#options));
      this.#options.metrics.brokerPushes.inc();
    }
  }

  #onInfo(info: SafekeeperTimelineInfo): void {
    const timeline = this.#options.timelines.get(info);
    this.#options.metrics.brokerPulls.inc({ result: timeline === undefined ? "not_found" : "ok" });
    timeline?.recordPeer({ ...info, safekeeperId: Number(info.safekeeperId) });
  }
}

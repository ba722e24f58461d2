import { Counter, Gauge, type Registry } from "prom-client";
import { PgTraffic } from "./pg-traffic";
import { createRegistry } from "../service";
import { type BackupCounts, newBackupCounts } from "./backup/backup-counts";
import type { Timeline } from "./timeline";
import type { TimelineMap } from "./timeline-map";

/** Metrics of one timeline: name without prefix, help text, value. Names: golden/run/94_sk_metric_types.txt. */
const PER_TIMELINE: [name: string, help: string, value: (timeline: Timeline) => bigint | number][] = [
  ["flush_lsn", "Current flush_lsn, grouped by timeline", (timeline) => timeline.flushLsn],
  ["commit_lsn", "Current commit_lsn, grouped by timeline", (timeline) => timeline.commitLsn],
  ["backup_lsn", "Current backup_lsn, grouped by timeline", (timeline) => timeline.progress.backupLsn],
  ["peer_horizon_lsn", "Current peer_horizon_lsn", (timeline) => timeline.progress.peerHorizonLsn],
  ["remote_consistent_lsn", "LSN uploaded by pageservers", (timeline) => timeline.progress.remoteConsistentLsn],
  ["epoch_start_lsn", "Start of the last term", (timeline) => timeline.state.termHistory.at(-1)?.lsn ?? 0n],
  ["acceptor_term", "Current consensus term", (timeline) => timeline.state.term],
  ["ps_last_received_lsn", "LSN received by a pageserver", (t) => t.pageserverFeedback?.lastReceivedLsn ?? 0n],
  ["connected_computes", "Number of active compute connections", (timeline) => timeline.receivers.size],
  ["timeline_active", "1 for timelines the broker is told about", (timeline) => (timeline.isActive ? 1 : 0)],
  ["written_wal_bytes_total", "Number of WAL bytes written to disk", (timeline) => timeline.writtenWalBytes],
  ["wal_backup_active", "1 where WAL is being uploaded", (timeline) => (timeline.isBackingUp ? 1 : 0)],
];

function addTimelineGauges(registry: Registry, timelines: TimelineMap): void {
  for (const [name, help, value] of PER_TIMELINE) {
    const gauge: Gauge<"tenant_id" | "timeline_id"> = new Gauge({
      name: `safekeeper_${name}`,
      help,
      labelNames: ["tenant_id", "timeline_id"],
      registers: [registry],
      collect: () => {
        gauge.reset();
        for (const timeline of timelines.all) {
          const { tenantId, timelineId } = timeline.id;
          gauge.set({ tenant_id: tenantId, timeline_id: timelineId }, Number(value(timeline)));
        }
      },
    });
  }
}

function addTotals(registry: Registry, timelines: TimelineMap): void {
  const add = (name: string, help: string, value: () => number): void => {
    const gauge: Gauge = new Gauge({ name, help, registers: [registry], collect: () => gauge.set(value()) });
  };
  const sum = (count: (timeline: Timeline) => number) => timelines.all.reduce((all, one) => all + count(one), 0);
  add("safekeeper_timelines", "Number of timelines loaded in-memory", () => timelines.all.length);
  add("safekeeper_active_timelines", "Number of active timelines", () => sum((one) => (one.isActive ? 1 : 0)));
  add("safekeeper_evicted_timelines", "Timelines whose WAL is not on this disk", () =>
    sum((one) => (one.isResident ? 0 : 1)),
  );
  add("safekeeper_wal_receivers", "Number of currently connected WAL receivers", () =>
    sum((one) => one.receivers.size),
  );
}

function addBackupCounts(registry: Registry, counts: BackupCounts): void {
  const add = (name: string, help: string, value: () => number): void => {
    const counter: Counter = new Counter({
      name: `safekeeper_${name}`,
      help,
      registers: [registry],
      collect: () => {
        counter.reset();
        counter.inc(value());
      },
    });
  };
  add("removed_wal_segments_total", "WAL segments removed from this disk", () => counts.removedSegments);
  add("backed_up_segments_total", "WAL segments uploaded", () => counts.backedUpSegments);
  add("partial_backup_uploads_total", "Partial segments uploaded", () => counts.partialUploads);
  add("partial_backup_uploaded_bytes_total", "Bytes of partial segments uploaded", () => counts.partialBytes);
  const addEvents = (name: string, help: string, value: (kind: "evict" | "restore") => number): void => {
    const counter: Counter<"kind"> = new Counter({
      name: `safekeeper_eviction_events_${name}_total`,
      help,
      labelNames: ["kind"],
      registers: [registry],
      collect: () => {
        counter.reset();
        for (const kind of ["evict", "restore"] as const) counter.inc({ kind }, value(kind));
      },
    });
  };
  addEvents("started", "Evictions and restorations begun", (kind) =>
    kind === "evict" ? counts.evictionsStarted : counts.restoresStarted,
  );
  addEvents("completed", "Evictions and restorations ended", (kind) =>
    kind === "evict" ? counts.evictionsCompleted : counts.restoresCompleted,
  );
}

/** Counts what happens; the registry reads the rest from the timelines when it is scraped. */
export class SafekeeperMetrics {
  readonly registry = createRegistry();
  readonly backup = newBackupCounts();
  readonly traffic: PgTraffic;
  readonly queriesReceived = this.#counter(
    "pg_queries_received_total",
    "Queries received through pg protocol",
    "query",
  );
  readonly queriesFinished = this.#counter(
    "pg_queries_finished_total",
    "Queries finished through pg protocol",
    "query",
  );
  readonly pageserverFeedbacks = this.#counter("received_ps_feedbacks_total", "Pageserver feedbacks received");
  readonly brokerPushes = this.#counter("broker_pushed_updates_total", "Timeline updates pushed to the broker");
  readonly brokerPulls = this.#counter("broker_pulled_updates_total", "Updates pulled from the broker", "result");

  constructor(zone: string | undefined) {
    this.traffic = new PgTraffic(this.registry, zone);
  }

  observe(timelines: TimelineMap): void {
    addTimelineGauges(this.registry, timelines);
    addTotals(this.registry, timelines);
    addBackupCounts(this.registry, this.backup);
  }

  #counter<Label extends string>(name: string, help: string, ...labelNames: Label[]): Counter<Label> {
    return new Counter({ name: `safekeeper_${name}`, help, labelNames, registers: [this.registry] });
  }
}

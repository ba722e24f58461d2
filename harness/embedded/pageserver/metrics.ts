import { Counter, Gauge, type Registry } from "prom-client";
import { addNodeMetrics } from "./metrics-node";
import type { TenantManager } from "./tenants/tenant-manager";
import type { Timeline } from "./timeline/timeline";
import { type TimelineLabels, timelineLabelNames } from "./timeline/timeline-metrics";

/** Gauges of a timeline; they are set anew at each scrape, so they vanish with the timeline. */
const TIMELINE_GAUGES: Readonly<Record<string, (timeline: Timeline) => number>> = {
  pageserver_last_record_lsn: (timeline) => Number(timeline.lastRecordLsn),
  pageserver_disk_consistent_lsn: (timeline) => Number(timeline.diskConsistentLsn),
  pageserver_projected_remote_consistent_lsn: (timeline) => Number(timeline.remoteClient.remoteConsistentLsn),
  pageserver_resident_physical_size: (timeline) => timeline.layers.sizes().resident,
  pageserver_remote_physical_size: (timeline) => timeline.layers.sizes().total,
  pageserver_visible_physical_size: (timeline) => timeline.layers.sizes().total,
  pageserver_current_logical_size: (timeline) => timeline.logicalSize.value,
  pageserver_pitr_history_size: (timeline) => Number(timeline.lastRecordLsn - timeline.initdbLsn),
  pageserver_archive_size: (timeline) => (timeline.archivedAt === undefined ? 0 : timeline.layers.sizes().total),
  pageserver_standby_horizon: (timeline) => Number(timeline.standbyHorizon ?? 0n),
  pageserver_timeline_ephemeral_bytes: (timeline) => timeline.wal.open?.size ?? 0,
  pageserver_valid_lsn_lease_count: (timeline) => timeline.leases.valid,
};

/** Registers what the pageserver counts, under Neon's names (neon-protocols §8). */
export function addPageserverMetrics(registry: Registry, manager: TenantManager): void {
  for (const name of [
    "pageserver_tenant_manager_unexpected_errors_total",
    "pageserver_deletion_queue_unexpected_errors_total",
  ]) {
    new Counter({ name, help: "Errors that should never happen", registers: [registry] }).inc(0);
  }
  for (const [name, value] of Object.entries(TIMELINE_GAUGES)) addTimelineGauge(registry, manager, name, value);
  addWalRecords(registry, manager);
  addEvictions(registry, manager);
  addRemoteMetrics(registry, manager);
  addDeletionQueue(registry, manager);
  addSlots(registry, manager);
  addNodeMetrics(registry, manager);
}

const timelinesOf = (manager: TenantManager): Timeline[] =>
  manager.all().flatMap((tenant) => [...tenant.timelines.values()]);

function addTimelineGauge(
  registry: Registry,
  manager: TenantManager,
  name: string,
  value: (timeline: Timeline) => number,
): void {
  const gauge: Gauge<keyof TimelineLabels> = new Gauge({
    name,
    help: "Of one timeline",
    labelNames: timelineLabelNames,
    registers: [registry],
    collect: () => {
      gauge.reset();
      for (const timeline of timelinesOf(manager)) gauge.set(timeline.metrics.labels, value(timeline));
    },
  });
}

function addWalRecords(registry: Registry, manager: TenantManager): void {
  const records: Counter<keyof TimelineLabels> = new Counter({
    name: "pageserver_timeline_wal_records_received",
    help: "WAL records received for a timeline",
    labelNames: timelineLabelNames,
    registers: [registry],
    collect: () => {
      records.reset();
      for (const { metrics } of timelinesOf(manager)) records.inc(metrics.labels, metrics.walRecords);
    },
  });
}

function addEvictions(registry: Registry, manager: TenantManager): void {
  const evictions: Counter<keyof TimelineLabels> = new Counter({
    name: "pageserver_evictions",
    help: "Layers evicted from a timeline",
    labelNames: timelineLabelNames,
    registers: [registry],
    collect: () => {
      evictions.reset();
      for (const { metrics } of timelinesOf(manager)) evictions.inc(metrics.labels, metrics.evictions);
    },
  });
}

const REMOTE_COUNTERS = {
  pageserver_remote_timeline_client_calls_started: "started",
  pageserver_remote_timeline_client_calls_finished: "finished",
  pageserver_remote_timeline_client_bytes_finished: "bytes",
} as const;

function addRemoteMetrics(registry: Registry, manager: TenantManager): void {
  for (const [name, field] of Object.entries(REMOTE_COUNTERS)) {
    const counter: Counter<keyof TimelineLabels | "file_kind" | "op_kind"> = new Counter({
      name,
      help: "Operations on remote storage",
      labelNames: [...timelineLabelNames, "file_kind", "op_kind"],
      registers: [registry],
      collect: () => {
        counter.reset();
        for (const { metrics, remoteClient } of timelinesOf(manager)) {
          for (const [operation, counts] of remoteClient.counts) {
            const [fileKind, opKind] = operation.split("/");
            counter.inc({ ...metrics.labels, file_kind: fileKind, op_kind: opKind }, counts[field]);
          }
        }
      },
    });
  }
}

function addDeletionQueue(registry: Registry, manager: TenantManager): void {
  const names = { droppedLsnUpdates: "dropped_lsn_updates" } as Record<string, string>;
  for (const name of ["submitted", "validated", "executed", "dropped", "droppedLsnUpdates"] as const) {
    const counter = new Counter({
      name: `pageserver_deletion_queue_${names[name] ?? name}_total`,
      help: "Objects that went through the deletion queue",
      registers: [registry],
      collect: () => {
        counter.reset();
        counter.inc(manager.node.deletions.counts[name]);
      },
    });
  }
}

function addSlots(registry: Registry, manager: TenantManager): void {
  const slots: Gauge<"mode"> = new Gauge({
    name: "pageserver_tenant_manager_slots",
    help: "Tenants by how they live on this node",
    labelNames: ["mode"],
    registers: [registry],
    collect: () => {
      const attached = manager.all().filter((tenant) => tenant.isAttached).length;
      slots.set({ mode: "attached" }, attached);
      slots.set({ mode: "secondary" }, manager.all().length - attached);
      slots.set({ mode: "inprogress" }, 0);
    },
  });
}

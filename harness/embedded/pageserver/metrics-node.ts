import { Counter, Gauge, type Registry } from "prom-client";
import type { TenantManager } from "./tenants/tenant-manager";
import { type Observations, summedHistogram } from "../service/summed-histogram";
import { stats } from "./stats";
import { nodeUtilization } from "./utilization";

type Values = () => readonly (readonly [labels: Record<string, string>, value: number])[];

const plain = (value: () => number): Values => {
  return () => [[{}, value()]];
};

/** A counter whose values are read when it is scraped. */
function counter(registry: Registry, name: string, help: string, values: Values): void {
  const labelNames = Object.keys(values()[0]?.[0] ?? {});
  const metric: Counter = new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect: () => {
      metric.reset();
      for (const [labels, value] of values()) metric.inc(labels, value);
    },
  });
}

function gauge(registry: Registry, name: string, help: string, values: Values): void {
  const labelNames = Object.keys(values()[0]?.[0] ?? {});
  const metric: Gauge = new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    collect: () => {
      metric.reset();
      for (const [labels, value] of values()) metric.set(labels, value);
    },
  });
}

const timing = (registry: Registry, name: string, help: string, observations: Observations): void =>
  summedHistogram(registry, { name, help, bounds: [], series: () => [{ labels: {}, observations }] });

/** Metrics of the node as a whole under Neon's names (neon-protocols §8). */
export function addNodeMetrics(registry: Registry, manager: TenantManager): void {
  addProcess(registry);
  addStartup(registry, manager);
  addPageService(registry);
  addLayers(registry, manager);
  addWalReceiver(registry, manager);
}

function addProcess(registry: Registry): void {
  const launched = Math.floor(performance.timeOrigin);
  gauge(
    registry,
    "libmetrics_launch_timestamp",
    "Timestamp (millis since epoch) of launch",
    plain(() => launched),
  );
  let scrapes = 0;
  counter(
    registry,
    "libmetrics_metric_handler_requests_total",
    "Metric requests",
    plain(() => (scrapes += 1)),
  );
  gauge(
    registry,
    "libmetrics_process_cpu_seconds_highres",
    "CPU seconds",
    plain(() => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    }),
  );
}

const STATES = ["Activating", "Active", "Attaching", "Broken", "Loading", "Stopping"] as const;

function addStartup(registry: Registry, manager: TenantManager): void {
  const { startup } = stats;
  gauge(
    registry,
    "pageserver_startup_is_loading",
    "1 while tenants are loaded",
    plain(() => startup.isLoading),
  );
  const phases: Gauge<"phase"> = new Gauge({
    name: "pageserver_startup_duration_seconds",
    help: "Time until each phase of the start was over",
    labelNames: ["phase"],
    registers: [registry],
    collect: () => {
      for (const [phase, seconds] of startup.phases) phases.set({ phase }, seconds);
    },
  });
  counter(
    registry,
    "pageserver_tenant_startup_scheduled",
    "Tenants to load",
    plain(() => startup.scheduled),
  );
  counter(
    registry,
    "pageserver_tenant_startup_complete",
    "Tenants loaded",
    plain(() => startup.complete),
  );
  gauge(registry, "pageserver_tenant_states_count", "Attached tenants by state", () =>
    STATES.map((state) => [
      { state },
      manager.all().filter((tenant) => tenant.isAttached && tenant.state === state).length,
    ]),
  );
  counter(
    registry,
    "pageserver_tenant_manager_slot_writes",
    "Changes of locations",
    plain(() => stats.slotWrites),
  );
  timing(registry, "pageserver_tenant_attach_seconds", "Time to attach a tenant", stats.attach);
  gauge(
    registry,
    "pageserver_utilization_score",
    "As GET utilization says",
    plain(() => nodeUtilization(manager)),
  );
}

function addPageService(registry: Registry): void {
  counter(registry, "pageserver_compute_commands", "Commands received through page service", () =>
    Object.entries(stats.computeCommands).map(([command, count]) => [{ command }, count]),
  );
  const kind = { pageserver_connection_kind: "page_service" };
  counter(registry, "pageserver_live_connections_started", "Connections begun", () => [
    [kind, stats.connectionsStarted],
  ]);
  counter(registry, "pageserver_live_connections_finished", "Connections ended", () => [
    [kind, stats.connectionsFinished],
  ]);
  timing(registry, "pageserver_wait_lsn_seconds", "Time spent waiting for WAL", stats.waitLsn);
  timing(
    registry,
    "pageserver_getpage_reconstruct_seconds",
    "Time to build what pages are read from",
    stats.materialize,
  );
}

function addLayers(registry: Registry, manager: TenantManager): void {
  const { downloads, evictions } = stats;
  const add = (name: string, help: string, value: () => number) => counter(registry, name, help, plain(value));
  add("pageserver_remote_ondemand_downloaded_layers_total", "Layers downloaded", () => downloads.layers);
  add("pageserver_remote_ondemand_downloaded_bytes_total", "Bytes of layers downloaded", () => downloads.bytes);
  add("pageserver_layer_started_evictions", "Evictions begun", () => evictions.started);
  add("pageserver_layer_completed_evictions", "Evictions ended", () => evictions.completed);
  add("pageserver_layer_started_deletes", "Layers given up", () => stats.layerDeletes);
  add("pageserver_layer_completed_deletes", "Layers removed from this disk", () => stats.layerDeletes);
  add(
    "pageserver_disk_usage_based_eviction_evicted_layers_total",
    "Layers evicted for disk usage",
    () => evictions.forDiskUsage,
  );
  const sizes = (which: "resident" | "total") => () =>
    manager
      .all()
      .flatMap((tenant) => [...tenant.timelines.values()])
      .reduce((sum, timeline) => sum + timeline.layers.sizes()[which], 0);
  gauge(registry, "pageserver_resident_physical_size_global", "Bytes of layers here", plain(sizes("resident")));
  gauge(registry, "pageserver_remote_physical_size_global", "Bytes of all layers", plain(sizes("total")));
}

function addWalReceiver(registry: Registry, manager: TenantManager): void {
  const { walReceiver } = stats;
  const add = (name: string, help: string, value: () => number) => counter(registry, name, help, plain(value));
  add("pageserver_walreceiver_broker_updates_total", "News from the storage broker", () => walReceiver.brokerUpdates);
  add("pageserver_walreceiver_started_connections_total", "Connections to safekeepers", () => walReceiver.connections);
  add("pageserver_walreceiver_switches_total", "Changes of safekeeper", () => walReceiver.switches);
  counter(registry, "pageserver_walreceiver_candidates_events_total", "Safekeepers that came and went", () => [
    [{ event: "add" }, walReceiver.candidatesAdded],
    [{ event: "remove" }, walReceiver.candidatesRemoved],
  ]);
  gauge(
    registry,
    "pageserver_walreceiver_active_managers",
    "Timelines that receive WAL",
    plain(() => manager.all().reduce((sum, tenant) => sum + tenant.receivers.size, 0)),
  );
  add("pageserver_wal_ingest_records_received", "WAL records received", () => stats.walRecords);
  add("pageserver_wal_ingest_bytes_received", "Bytes of WAL received", () => stats.walBytes);
}

import { readFileSync, readdirSync } from "node:fs";
import { Counter, Gauge, Registry } from "prom-client";
import type { HttpService } from "./http";
import { HttpReply } from "./http";
import { LOG_LEVELS, loggedEvents } from "./log";
import { BUILD_INFO } from "./version";

/** A number of /proc/self/status in kB, or 0 where there is no /proc. */
function statusField(name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readProc("status"))?.[1] ?? 0);
}

function readProc(name: string): string {
  try {
    return readFileSync(`/proc/self/${name}`, "utf8");
  } catch {
    // Not Linux: the values that only /proc knows are 0 there.
    return "";
  }
}

function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    // As in readProc.
    return 0;
  }
}

function gauge(registry: Registry, name: string, help: string, value: () => number): void {
  const registers = [registry];
  const metric: Gauge = new Gauge({ name, help, registers, collect: () => metric.set(value()) });
}

function addProcessMetrics(registry: Registry): void {
  const cpu: Counter = new Counter({
    name: "process_cpu_seconds_total",
    help: "Total user and system CPU time spent in seconds.",
    registers: [registry],
    collect: () => {
      const { user, system } = process.cpuUsage();
      cpu.reset();
      cpu.inc((user + system) / 1e6);
    },
  });
  const maxOpenFiles = /^Max open files\s+(\d+)/m;
  gauge(registry, "process_open_fds", "Number of open file descriptors.", openFiles);
  gauge(registry, "process_max_fds", "Maximum number of open file descriptors.", () =>
    Number(maxOpenFiles.exec(readProc("limits"))?.[1] ?? 0),
  );
  gauge(registry, "process_resident_memory_bytes", "Resident memory size in bytes.", () => process.memoryUsage.rss());
  gauge(registry, "process_virtual_memory_bytes", "Virtual memory size in bytes.", () => statusField("VmSize") * 1024);
  gauge(registry, "process_threads", "Number of OS threads in the process.", () => statusField("Threads"));
  const startTime = Math.floor(performance.timeOrigin / 1000);
  gauge(registry, "process_start_time_seconds", "Start time of the process in seconds.", () => startTime);
}

function addLibMetrics(registry: Registry): void {
  const build = new Gauge({
    name: "libmetrics_build_info",
    help: "Build/version information",
    labelNames: ["revision", "build_tag"],
    registers: [registry],
  });
  build.set(BUILD_INFO, 1);
  const disk: Gauge<"io_operation"> = new Gauge({
    name: "libmetrics_disk_io_bytes_total",
    help: "Bytes written and read from disk, grouped by the operation (read|write)",
    labelNames: ["io_operation"],
    registers: [registry],
    collect: () => {
      const io = readProc("io");
      for (const operation of ["read", "write"]) {
        disk.set(
          { io_operation: operation },
          Number(new RegExp(`^${operation}_bytes: (\\d+)`, "m").exec(io)?.[1] ?? 0),
        );
      }
    },
  });
  gauge(registry, "libmetrics_maxrss_kb", "Maximum resident set size", () => process.resourceUsage().maxRSS);
  const events: Counter<"level"> = new Counter({
    name: "libmetrics_tracing_event_count",
    help: "Number of tracing events, by level",
    labelNames: ["level"],
    registers: [registry],
    collect: () => {
      events.reset();
      for (const level of LOG_LEVELS) events.inc({ level }, loggedEvents[level]);
    },
  });
}

/** A registry with what every daemon of Neon reports: process_* and libmetrics_*. */
export function createRegistry(): Registry {
  const registry = new Registry();
  addProcessMetrics(registry);
  addLibMetrics(registry);
  return registry;
}

/** Adds `GET /metrics`. */
export function metricsRoute(http: HttpService, registry: Registry): void {
  http.route("GET", "/metrics", async () => new HttpReply(200, await registry.metrics(), "text/plain; version=0.0.4"));
}

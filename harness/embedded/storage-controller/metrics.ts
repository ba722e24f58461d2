import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Controller } from "./controller";

function addNodeMetrics(registry: Registry, controller: Controller): void {
  const add = (name: string, help: string, count: (nodeId: number, zone: string) => number) => {
    const metric: Gauge<"az" | "node_id"> = new Gauge({
      name,
      help,
      labelNames: ["az", "node_id"],
      registers: [registry],
      collect: () => {
        metric.reset();
        for (const { record } of controller.nodes.all()) {
          const az = record.availability_zone_id;
          metric.set({ az, node_id: String(record.id) }, count(record.id, az));
        }
      },
    });
  };
  const records = () => controller.shards.all().map(({ record }) => record);
  add("storage_controller_node_shards", "Shards on the node, attached or secondary", (nodeId) =>
    records().reduce(
      (sum, { attached, secondary }) => sum + Number(attached === nodeId || secondary.includes(nodeId)),
      0,
    ),
  );
  add("storage_controller_node_attached_shards", "Shards attached to the node", (nodeId) =>
    records().reduce((sum, { attached }) => sum + Number(attached === nodeId), 0),
  );
  add("storage_controller_node_home_shards", "Shards that would rather be in the node's zone", (_nodeId, zone) =>
    records().reduce((sum, { preferred_az_id }) => sum + Number(preferred_az_id === zone), 0),
  );
}

interface Answered {
  method: string;
  pattern: string | undefined;
  status: number;
  seconds: number;
}

/** Requests that the controller answered, by route. */
export class RequestMetrics {
  readonly #status: Counter<"method" | "path" | "status">;
  readonly #latency: Histogram<"method" | "path">;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#status = new Counter({
      name: "storage_controller_http_request_status",
      help: "HTTP requests by status",
      labelNames: ["method", "path", "status"],
      registers,
    });
    this.#latency = new Histogram({
      name: "storage_controller_http_request_latency",
      help: "Seconds that HTTP requests took",
      labelNames: ["method", "path"],
      registers,
    });
  }

  observe({ method, pattern = "unknown", status, seconds }: Answered): void {
    const words = pattern.split("/").filter((word) => word !== "" && !word.startsWith(":"));
    const labels = { method: method.toLowerCase(), path: words.join("_") };
    this.#status.inc({ ...labels, status: String(status) });
    this.#latency.observe(labels, seconds);
  }
}

function addReconcileMetrics(registry: Registry, controller: Controller): void {
  const { counts } = controller.reconciler;
  const spawned: Counter = new Counter({
    name: "storage_controller_reconcile_spawn",
    help: "Reconciles begun",
    registers: [registry],
    collect: () => {
      spawned.reset();
      spawned.inc(counts.spawn);
    },
  });
  const long: Counter = new Counter({
    name: "storage_controller_reconcile_long_running",
    help: "Reconciles that took longer than --long-reconcile-threshold",
    registers: [registry],
    collect: () => {
      long.reset();
      long.inc(counts.longRunning);
    },
  });
  const completed: Counter<"status"> = new Counter({
    name: "storage_controller_reconcile_complete",
    help: "Reconciles ended, by result",
    labelNames: ["status"],
    registers: [registry],
    collect: () => {
      completed.reset();
      completed.inc({ status: "ok" }, counts.ok);
      completed.inc({ status: "error" }, counts.error);
      completed.inc({ status: "cancel" }, 0);
    },
  });
}

/** The storage_controller_* metrics that tests read, under Neon's names. */
export function addControllerMetrics(registry: Registry, controller: Controller): void {
  const gauge = (name: string, help: string, value: () => number) => {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => metric.set(value()) });
  };
  gauge("storage_controller_tenant_shards", "Tenant shards", () => controller.shards.all().length);
  gauge("storage_controller_pageserver_nodes", "Registered pageservers", () => controller.nodes.all().length);
  gauge("storage_controller_pending_reconciles", "Reconciles under way", () => {
    return controller.shards.all().filter((shard) => shard.reconciling).length;
  });
  addNodeMetrics(registry, controller);
  addReconcileMetrics(registry, controller);
  const leadership: Gauge<"status"> = new Gauge({
    name: "storage_controller_leadership_status",
    help: "1 for the status that this instance has",
    labelNames: ["status"],
    registers: [registry],
    collect: () => {
      for (const status of ["leader", "stepped_down", "candidate"]) {
        leadership.set({ status }, Number(status === controller.leadership));
      }
    },
  });
}

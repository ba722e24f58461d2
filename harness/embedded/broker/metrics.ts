import { Counter, Gauge, type Registry } from "prom-client";
import type { BrokerService } from "./grpc-server";
import type { Hub } from "./hub";

/** The five metrics of a storage broker, under Neon's names. */
export function addBrokerMetrics(registry: Registry, hub: Hub, service: BrokerService): void {
  const gauge = (name: string, help: string, value: () => number) => {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => metric.set(value()) });
  };
  const counter = (name: string, help: string, value: () => number) => {
    const metric: Counter = new Counter({
      name,
      help,
      registers: [registry],
      collect: () => {
        metric.reset();
        metric.inc(value());
      },
    });
  };
  gauge("storage_broker_active_publishers", "Number of publications", () => service.activePublishers);
  gauge("storage_broker_all_keys_active_subscribers", "Subscriptions to all keys", () => hub.counts().allKeys);
  gauge(
    "storage_broker_per_timeline_active_subscribers",
    "Subscriptions to one timeline",
    () => hub.counts().perTimeline,
  );
  counter("storage_broker_processed_messages_total", "Messages received, before routing", () => hub.counts().processed);
  counter("storage_broker_broadcasted_messages_total", "Messages sent to subscribers", () => hub.counts().broadcasted);
}

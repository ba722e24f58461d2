import { FailpointApi } from "../failpoints";
import type { CallOptions } from "../http/client";
import { parseMetrics } from "../metrics/parse";
import type { Metrics } from "../metrics/metrics";
import type {
  EvictionOutcome,
  EvictionRequest,
  TopTenant,
  TopTenantsRequest,
  TracingLevel,
  Utilization,
} from "./node-types";

/** What concerns the pageserver as a whole. */
export abstract class PageserverNodeApi extends FailpointApi {
  protected readonly failpointRoute = { method: "PUT", path: "/v1/failpoints" } as const;

  status(call: CallOptions = {}): Promise<{ id: number }> {
    return this.http.json("/v1/status", call);
  }

  async metrics(call: CallOptions = {}): Promise<Metrics> {
    return parseMetrics(await this.metricsText(call));
  }

  metricsText(call: CallOptions = {}): Promise<string> {
    return this.http.text("/metrics", call);
  }

  /** Reads the public keys again. Without authentication the pageserver answers 400 with an empty reason. */
  async reloadAuthValidationKeys(call: CallOptions = {}): Promise<void> {
    await this.http.send("/v1/reload_auth_validation_keys", { ...call, method: "POST" });
  }

  utilization(call: CallOptions = {}): Promise<Utilization> {
    return this.http.json("/v1/utilization", call);
  }

  /** With `execute` the deletions themselves are awaited, not only the lists of what is to be deleted. */
  async flushDeletionQueue(options: { execute?: boolean } = {}, call: CallOptions = {}): Promise<void> {
    const query = { execute: options.execute };
    await this.http.send("/v1/deletion_queue/flush", { ...call, method: "PUT", query });
  }

  runDiskUsageEviction(request: EvictionRequest, call: CallOptions = {}): Promise<EvictionOutcome> {
    return this.http.json("/v1/disk_usage_eviction/run", { ...call, method: "PUT", body: request });
  }

  topTenants(request: TopTenantsRequest, call: CallOptions = {}): Promise<{ shards: TopTenant[] }> {
    return this.http.json("/v1/top_tenants", { ...call, method: "POST", body: request });
  }

  /** Writes a line into the pageserver's log. */
  async postTracingEvent(level: TracingLevel, message: string, call: CallOptions = {}): Promise<void> {
    this.need("testing", "write into the log");
    await this.http.send("/v1/tracing/event", { ...call, method: "POST", body: { level, message } });
  }

  async setIoEngine(engine: "std-fs" | "tokio-epoll-uring", call: CallOptions = {}): Promise<void> {
    await this.http.send("/v1/io_engine", { ...call, method: "PUT", body: engine });
  }

  async setIoMode(mode: "buffered" | "direct", call: CallOptions = {}): Promise<void> {
    await this.http.send("/v1/io_mode", { ...call, method: "PUT", body: mode });
  }

  /** Lets a task of the pageserver panic. The call itself succeeds, and the pageserver lives on. */
  async panic(call: CallOptions = {}): Promise<void> {
    await this.http.send("/v1/panic", call);
  }

  /** A profile of `seconds`, in the format of pprof or as a flame graph. */
  async cpuProfile(
    options: { seconds?: number; format?: "pprof" | "svg"; frequency?: number } = {},
    call: CallOptions = {},
  ): Promise<Buffer> {
    return (await this.http.send("/profile/cpu", { timeoutMs: 120_000, ...call, query: { ...options } })).body;
  }

  async heapProfile(options: { format?: "jemalloc" | "pprof" | "svg" } = {}, call: CallOptions = {}): Promise<Buffer> {
    return (await this.http.send("/profile/heap", { timeoutMs: 120_000, ...call, query: { ...options } })).body;
  }
}

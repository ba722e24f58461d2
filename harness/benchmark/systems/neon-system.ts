import type { NeonEnv } from "../../env";
import type { Endpoint, SqlOptions } from "../../nodes";
import type { Benchmark } from "../measure/benchmark";
import type { ComparedSystem } from "./compared-system";
import { pidsOf } from "./pids";

const MEGABYTE = 1024 * 1024;
const LONG_MS = 300_000;

/** A compute and the storage below it. */
export class NeonSystem implements ComparedSystem {
  readonly name = "neon";
  readonly isOurs = true;
  readonly env: NeonEnv;
  readonly endpoint: Endpoint;

  constructor(env: NeonEnv, endpoint: Endpoint) {
    this.env = env;
    this.endpoint = endpoint;
  }

  get connstr(): string {
    return this.endpoint.connstr;
  }

  query(text: string, values?: readonly unknown[], options: SqlOptions = {}) {
    return this.endpoint.query(text, values, { statementTimeoutMs: LONG_MS, ...options });
  }

  connect(options: SqlOptions = {}) {
    return this.endpoint.connect({ statementTimeoutMs: LONG_MS, ...options });
  }

  /** The pageserver has received it all, and written it as layers. */
  async flush(): Promise<void> {
    await this.env.waitForLastFlushLsn(this.endpoint, { budgetMs: LONG_MS });
    const { tenantId, timelineId } = this.endpoint.settings;
    await this.env.pageserver.httpClient().checkpoint(tenantId, timelineId, { compact: false }, { timeoutMs: LONG_MS });
  }

  async compact(): Promise<void> {
    const { tenantId, timelineId } = this.endpoint.settings;
    const client = this.env.pageserver.httpClient();
    await client.compact(tenantId, timelineId, { waitUntilUploaded: true }, { timeoutMs: LONG_MS });
  }

  async restart(): Promise<void> {
    await this.endpoint.stop();
    await this.endpoint.start();
  }

  pids(): ReadonlyMap<string, number> {
    const { broker, pageservers, safekeepers, storageController } = this.env;
    return pidsOf([...pageservers, ...safekeepers, broker, storageController, this.endpoint]);
  }

  async bytesWritten(): Promise<number | undefined> {
    const metrics = await this.env.pageserver.httpClient().metrics();
    const name = "libmetrics_disk_io_bytes_total";
    return metrics.all(name).length === 0 ? undefined : metrics.total(name, { io_operation: "write" });
  }

  async recordSize(benchmark: Benchmark): Promise<void> {
    const { tenantId, timelineId } = this.endpoint.settings;
    const client = this.env.pageserver.httpClient();
    const { historic_layers: layers } = await client.layerMap(tenantId, timelineId);
    const bytes = layers.reduce((sum, layer) => sum + layer.layer_file_size, 0);
    benchmark.record("size", bytes / MEGABYTE, "MB", "lower");
    benchmark.record("layers", layers.length, "files", "lower");
    const metrics = await client.metrics();
    const resident = metrics.total("pageserver_resident_physical_size_global");
    benchmark.record("layers here, of all tenants", resident / MEGABYTE, "MB", "lower");
    const uploads = { tenant_id: tenantId, timeline_id: timelineId, file_kind: "layer", op_kind: "upload" };
    const files = metrics.total("pageserver_remote_timeline_client_calls_started_total", uploads);
    const uploaded = "pageserver_remote_timeline_client_bytes_started_total";
    if (metrics.all(uploaded).length > 0) {
      benchmark.record("data uploaded", metrics.total(uploaded, uploads) / MEGABYTE, "MB", "lower");
    }
    benchmark.record("files uploaded", files, "files", "lower");
  }
}

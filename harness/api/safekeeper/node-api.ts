import { FailpointApi } from "../failpoints";
import type { CallOptions, HttpCall } from "../http/client";
import { parseWithSystemIds } from "../http/wide-integers";
import { parseMetrics } from "../metrics/parse";
import type { Metrics } from "../metrics/metrics";
import { debugDumpQuery } from "./debug-dump";
import type { DebugDump, DebugDumpOptions } from "./debug-dump";

/** What concerns the safekeeper as a whole. */
export abstract class SafekeeperNodeApi extends FailpointApi {
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

  debugDump(options: DebugDumpOptions = {}, call: CallOptions = {}): Promise<DebugDump> {
    return this.exactJson("/v1/debug_dump", { ...call, query: debugDumpQuery(options) });
  }

  /** A profile of `seconds`, in the format of pprof or as a flame graph. */
  async cpuProfile(
    options: { seconds?: number; format?: "pprof" | "svg"; frequency?: number } = {},
    call: CallOptions = {},
  ): Promise<Buffer> {
    return (await this.http.send("/profile/cpu", { timeoutMs: 120_000, ...call, query: { ...options } })).body;
  }

  /** JSON in which a system identifier may stand. */
  protected async exactJson<T>(path: string, call: HttpCall): Promise<T> {
    return parseWithSystemIds(await this.http.text(path, call)) as T;
  }
}

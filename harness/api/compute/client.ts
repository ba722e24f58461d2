import { FailpointApi } from "../failpoints";
import type { CallOptions } from "../http/client";
import { parseMetrics } from "../metrics/parse";
import type { Metrics } from "../metrics/metrics";
import type {
  ComputeDatabase,
  ComputeRole,
  ComputeStartMetrics,
  ComputeStatusAnswer,
  InstalledExtension,
  RoleGrants,
} from "./types";

const CONFIGURE_MS = 120_000;

/** The HTTP API of compute_ctl at this revision (neon-protocols §3.4). It asks for no authentication. */
export class ComputeClient extends FailpointApi {
  protected readonly failpointRoute = { method: "POST", path: "/failpoints" } as const;

  status(call: CallOptions = {}): Promise<ComputeStatusAnswer> {
    return this.http.json("/status", { timeoutMs: 5_000, ...call });
  }

  /** Answers when the new specification is in force; 412 where the compute is neither empty nor running. */
  async configure(spec: unknown, call: CallOptions = {}): Promise<void> {
    await this.http.send("/configure", { timeoutMs: CONFIGURE_MS, ...call, method: "POST", body: { spec } });
  }

  async metrics(call: CallOptions = {}): Promise<Metrics> {
    return parseMetrics(await this.http.text("/metrics", call));
  }

  /** How long the parts of the start took. */
  startMetrics(call: CallOptions = {}): Promise<ComputeStartMetrics> {
    return this.http.json("/metrics.json", call);
  }

  info(call: CallOptions = {}): Promise<{ num_cpus: number }> {
    return this.http.json("/info", call);
  }

  /** Query statistics; at this revision a string that looks like JSON and is none. */
  insights(call: CallOptions = {}): Promise<string> {
    return this.http.json("/insights", call);
  }

  databasesAndRoles(call: CallOptions = {}): Promise<{ roles: ComputeRole[]; databases: ComputeDatabase[] }> {
    return this.http.json("/dbs_and_roles", call);
  }

  /** What `pg_dump --schema-only` says; 404 where there is no such database. */
  databaseSchema(database: string, call: CallOptions = {}): Promise<string> {
    return this.http.text("/database_schema", { ...call, query: { database } });
  }

  async installedExtensions(call: CallOptions = {}): Promise<InstalledExtension[]> {
    return (await this.http.json<{ extensions: InstalledExtension[] }>("/installed_extensions", call)).extensions;
  }

  /** The version that is installed then, which may be another one than was asked for. */
  installExtension(
    request: { extension: string; version: string; database: string },
    call: CallOptions = {},
  ): Promise<{ extension: string; version: string }> {
    return this.http.json("/extensions", { timeoutMs: CONFIGURE_MS, ...call, method: "POST", body: request });
  }

  grant(request: RoleGrants, call: CallOptions = {}): Promise<RoleGrants> {
    return this.http.json("/grants", { ...call, method: "POST", body: request });
  }

  /** Writes a row; an HttpStatusError where that fails. */
  async checkWritability(call: CallOptions = {}): Promise<void> {
    await this.http.send("/check_writability", { ...call, method: "POST" });
  }

  /** Downloads an extension from remote storage, as Postgres asks for when it misses a file. */
  async downloadExtension(
    filename: string,
    options: { isLibrary?: boolean } = {},
    call: CallOptions = {},
  ): Promise<void> {
    const path = `/extension_server/${encodeURIComponent(filename)}`;
    const query = { is_library: options.isLibrary };
    await this.http.send(path, { timeoutMs: CONFIGURE_MS, ...call, method: "POST", query });
  }

  /** Stops Postgres and answers when it has stopped; compute_ctl itself exits after that. */
  async terminate(call: CallOptions = {}): Promise<void> {
    await this.http.send("/terminate", { timeoutMs: CONFIGURE_MS, ...call, method: "POST" });
  }
}

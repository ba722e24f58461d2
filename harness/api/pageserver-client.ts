import type { Lsn, TenantId, TenantShardId, TimelineId } from "../types";
import { Lsn as Lsns, TenantShardId as Shards } from "../types";
import { HttpClient } from "./http-client";
import { parseMetrics } from "./metrics";
import type { Metrics } from "./metrics";

export type TenantState = "Attaching" | "Active" | "Stopping" | "Broken";

export interface TenantInfo {
  id: string;
  state: { slug: TenantState; data?: unknown };
  current_physical_size: number | null;
  attachment_status: { slug: string };
  generation: number;
}

/** The fields of TimelineInfo (neon-protocols §3.1) that tests read; LSNs are text. */
export interface TimelineInfo {
  tenant_id: TenantId;
  timeline_id: TimelineId;
  ancestor_timeline_id: TimelineId | null;
  ancestor_lsn: string | null;
  last_record_lsn: string;
  prev_record_lsn: string | null;
  disk_consistent_lsn: string;
  remote_consistent_lsn: string;
  remote_consistent_lsn_visible: string;
  initdb_lsn: string;
  current_logical_size: number;
  current_physical_size: number | null;
  wal_source_connstr: string | null;
  pg_version: number;
  state: string | Record<string, unknown>;
}

export type LocationMode = "AttachedSingle" | "AttachedMulti" | "AttachedStale" | "Secondary" | "Detached";

export interface LocationConfig {
  mode: LocationMode;
  generation?: number | null;
  secondary_conf?: { warm: boolean } | null;
  tenant_conf: Record<string, unknown>;
}

export interface CheckpointOptions {
  waitUntilFlushed?: boolean;
  waitUntilUploaded?: boolean;
  compact?: boolean;
}

type AnyTenantId = TenantId | TenantShardId;

const idText = (id: AnyTenantId): string => (typeof id === "string" ? id : Shards.format(id));

/** The pageserver's HTTP API, as far as the suites need it so far; also what a storage controller answers below /v1. */
export class PageserverClient {
  readonly http: HttpClient;

  constructor(component: string, baseUrl: string, authToken?: string) {
    this.http = new HttpClient(component, baseUrl, authToken);
  }

  status(): Promise<{ id: number }> {
    return this.http.json("/v1/status");
  }

  listTenants(): Promise<TenantInfo[]> {
    return this.http.json("/v1/tenant");
  }

  tenant(id: AnyTenantId): Promise<TenantInfo> {
    return this.http.json(`/v1/tenant/${idText(id)}`);
  }

  /** Moves the tenant to a mode. The generation comes from the storage controller's attach hook. */
  locationConfig(id: AnyTenantId, config: LocationConfig, options: { timeoutMs?: number } = {}): Promise<unknown> {
    return this.http.json(`/v1/tenant/${idText(id)}/location_config`, { method: "PUT", body: config, ...options });
  }

  /** Resolves when the pageserver has let go of the tenant. */
  async detachTenant(id: AnyTenantId, options: { timeoutMs?: number } = {}): Promise<void> {
    await this.locationConfig(id, { mode: "Detached", tenant_conf: {} }, options);
  }

  listTimelines(id: AnyTenantId): Promise<TimelineInfo[]> {
    return this.http.json(`/v1/tenant/${idText(id)}/timeline`);
  }

  timelineDetail(id: AnyTenantId, timelineId: TimelineId): Promise<TimelineInfo> {
    return this.http.json(`/v1/tenant/${idText(id)}/timeline/${timelineId}`);
  }

  async lastRecordLsn(id: AnyTenantId, timelineId: TimelineId): Promise<Lsn> {
    return Lsns.parse((await this.timelineDetail(id, timelineId)).last_record_lsn);
  }

  createTimeline(
    id: AnyTenantId,
    body: {
      new_timeline_id: TimelineId;
      pg_version?: number;
      ancestor_timeline_id?: TimelineId;
      ancestor_start_lsn?: string;
    },
  ): Promise<TimelineInfo> {
    return this.http.json(`/v1/tenant/${idText(id)}/timeline`, { method: "POST", body, timeoutMs: 60_000 });
  }

  async deleteTimeline(id: AnyTenantId, timelineId: TimelineId): Promise<void> {
    await this.http.json(`/v1/tenant/${idText(id)}/timeline/${timelineId}`, { method: "DELETE" });
  }

  /** Flushes the open layer; with `waitUntilUploaded` it returns when remote storage has it. */
  async checkpoint(id: AnyTenantId, timelineId: TimelineId, options: CheckpointOptions = {}): Promise<void> {
    await this.http.json(`/v1/tenant/${idText(id)}/timeline/${timelineId}/checkpoint`, {
      method: "PUT",
      query: {
        wait_until_flushed: options.waitUntilFlushed ?? true,
        wait_until_uploaded: options.waitUntilUploaded ?? false,
        compact: options.compact ?? false,
      },
    });
  }

  async metrics(): Promise<Metrics> {
    return parseMetrics(await this.http.text("/metrics"));
  }
}

import type { TenantId, TimelineId } from "../types";
import { HttpClient } from "./http-client";

/** The fields of a safekeeper's TimelineStatus (neon-protocols §3.2) that tests read. */
export interface SafekeeperTimelineStatus {
  tenant_id: TenantId;
  timeline_id: TimelineId;
  acceptor_state: { term: number; epoch: number; term_history: { term: number; lsn: string }[] };
  flush_lsn: string;
  commit_lsn: string;
  timeline_start_lsn: string;
  backup_lsn: string;
  peer_horizon_lsn: string;
  remote_consistent_lsn: string;
}

/** The safekeeper's HTTP API, as far as the suites need it so far. */
export class SafekeeperClient {
  readonly http: HttpClient;

  constructor(component: string, baseUrl: string, authToken?: string) {
    this.http = new HttpClient(component, baseUrl, authToken);
  }

  status(): Promise<{ id: number }> {
    return this.http.json("/v1/status");
  }

  listTimelines(): Promise<{ tenant_id: TenantId; timeline_id: TimelineId }[]> {
    return this.http.json("/v1/tenant/timeline");
  }

  timelineStatus(tenantId: TenantId, timelineId: TimelineId): Promise<SafekeeperTimelineStatus> {
    return this.http.json(`/v1/tenant/${tenantId}/timeline/${timelineId}`);
  }
}

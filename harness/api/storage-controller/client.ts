import type { TenantId, TimelineId } from "../../types";
import type { ClientOptions } from "../api-client";
import type { CallOptions } from "../http/client";
import { PageserverClient } from "../pageserver/client";
import type { NewTimeline, TimelineInfo } from "../pageserver/timeline-types";
import type { TenantSettings } from "../tenant-config";
import { ControllerDebugApi } from "./debug-api";

const DELETE_MS = 60_000;

/**
 * The storage controller's HTTP API at this revision (neon-protocols §3.3). `asPageserver` is its "virtual pageserver":
 * the calls below /v1 that it forwards to all shards of a tenant, or answers from shard zero.
 */
export class StorageControllerClient extends ControllerDebugApi {
  readonly asPageserver: PageserverClient;

  constructor(component: string, baseUrl: string, options: ClientOptions = {}) {
    super(component, baseUrl, options);
    this.asPageserver = new PageserverClient(component, baseUrl, options);
  }

  /** Creates it on shard zero, then with the same positions on all others. */
  createTimeline(tenantId: TenantId, timeline: NewTimeline, call: CallOptions = {}): Promise<TimelineInfo> {
    return this.asPageserver.createTimeline(tenantId, timeline, call);
  }

  /** Answers when the timeline is gone. */
  async deleteTimeline(tenantId: TenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<void> {
    await this.asPageserver.deleteTimeline(tenantId, timelineId, { timeoutMs: DELETE_MS, ...call });
  }

  /** Answers when the tenant is gone from all pageservers and from remote storage. */
  async deleteTenant(tenantId: TenantId, call: CallOptions = {}): Promise<void> {
    await this.asPageserver.deleteTenant(tenantId, { timeoutMs: DELETE_MS, ...call });
  }

  async setTenantConfig(tenantId: TenantId, config: TenantSettings, call: CallOptions = {}): Promise<void> {
    await this.asPageserver.setTenantConfig(tenantId, config, call);
  }

  async patchTenantConfig(tenantId: TenantId, config: TenantSettings, call: CallOptions = {}): Promise<void> {
    await this.asPageserver.patchTenantConfig(tenantId, config, call);
  }
}

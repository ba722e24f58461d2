import type { TenantId, TenantShardId, TimelineId } from "../types";
import { TenantShardId as Shards } from "../types";
import { PageserverClient } from "./pageserver-client";
import type { TimelineInfo } from "./pageserver-client";

export interface ControllerNode {
  id: number;
  /** `Active`, `Offline`, `WarmingUp`, or an object that starts with one of them. */
  availability: unknown;
  scheduling: string;
  availability_zone_id: string;
  listen_http_addr: string;
  listen_http_port: number;
  listen_pg_addr: string;
  listen_pg_port: number;
}

export interface ShardLocation {
  shard_id: string;
  node_id: number;
  listen_pg_addr: string;
  listen_pg_port: number;
  listen_http_addr: string;
  listen_http_port: number;
}

export interface TenantLocation {
  shards: ShardLocation[];
  shard_params: { count: number; stripe_size: number };
}

export interface NewTenant {
  tenantId: TenantId;
  config?: Record<string, unknown>;
  shardCount?: number;
  shardStripeSize?: number;
}

/** The storage controller's HTTP API (neon-protocols §3.3), as far as the suites need it so far. */
export class StorageControllerClient {
  readonly asPageserver: PageserverClient;

  constructor(component: string, baseUrl: string, authToken?: string) {
    this.asPageserver = new PageserverClient(component, baseUrl, authToken);
  }

  get #http() {
    return this.asPageserver.http;
  }

  async ready(): Promise<void> {
    await this.#http.text("/ready");
  }

  listNodes(): Promise<ControllerNode[]> {
    return this.#http.json("/control/v1/node");
  }

  createTenant(tenant: NewTenant): Promise<{ shards: { shard_id: string; node_id: number; generation: number }[] }> {
    const body = {
      new_tenant_id: tenant.tenantId,
      shard_parameters: { count: tenant.shardCount ?? 0, stripe_size: tenant.shardStripeSize ?? 32768 },
      config: tenant.config ?? {},
    };
    return this.#http.json("/v1/tenant", { method: "POST", body, timeoutMs: 60_000 });
  }

  createTimeline(tenantId: TenantId, body: Parameters<PageserverClient["createTimeline"]>[1]): Promise<TimelineInfo> {
    return this.asPageserver.createTimeline(tenantId, body);
  }

  locate(tenantId: TenantId): Promise<TenantLocation> {
    return this.#http.json(`/debug/v1/tenant/${tenantId}/locate`);
  }

  /** The generation for an attach to `nodeId`; null detaches. Every call counts it up. */
  async attachHook(shard: TenantShardId, nodeId: number | null): Promise<number | null> {
    const body = { tenant_shard_id: Shards.format(shard), node_id: nodeId };
    const answer = await this.#http.json<{ gen: number | null }>("/debug/v1/attach-hook", { method: "POST", body });
    return answer.gen;
  }

  async deleteTimeline(tenantId: TenantId, timelineId: TimelineId): Promise<void> {
    await this.asPageserver.deleteTimeline(tenantId, timelineId);
  }
}

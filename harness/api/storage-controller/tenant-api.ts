import type { TenantId, TenantShardId } from "../../types";
import { TenantShardId as Shards } from "../../types";
import type { CallOptions } from "../http/client";
import { ControllerNodeApi } from "./node-api";
import type {
  MetadataHealthRecord,
  NewTenant,
  NewTenantShards,
  PlacementPolicy,
  ShardSchedulingPolicy,
  TenantDescription,
  TenantLocation,
} from "./tenant-types";

const LONG_MS = 120_000;
/** 256 MiB in pages of 8 KiB, Neon's own default. */
const DEFAULT_STRIPE_SIZE = 32768;

/** Where the shards of tenants are and where they should be. */
export abstract class ControllerTenantApi extends ControllerNodeApi {
  /** The answer's generations are those before the attachment: 0 the first time, 1 when the call is repeated. */
  createTenant(tenant: NewTenant, call: CallOptions = {}): Promise<NewTenantShards> {
    // Settings stand beside the other fields: Neon refuses a field `config`.
    const body = {
      ...tenant.config,
      new_tenant_id: tenant.tenantId,
      shard_parameters: { count: tenant.shardCount ?? 0, stripe_size: tenant.shardStripeSize ?? DEFAULT_STRIPE_SIZE },
      placement_policy: tenant.placementPolicy,
      generation: tenant.generation,
    };
    return this.http.json("/v1/tenant", { timeoutMs: 60_000, ...call, method: "POST", body });
  }

  listTenants(call: CallOptions = {}): Promise<TenantDescription[]> {
    return this.http.json("/control/v1/tenant", call);
  }

  describeTenant(tenantId: TenantId, call: CallOptions = {}): Promise<TenantDescription> {
    return this.http.json(`/control/v1/tenant/${tenantId}`, call);
  }

  locate(tenantId: TenantId, call: CallOptions = {}): Promise<TenantLocation> {
    return this.http.json(`/debug/v1/tenant/${tenantId}/locate`, call);
  }

  async setTenantPolicy(
    tenantId: TenantId,
    policy: { placement?: PlacementPolicy; scheduling?: ShardSchedulingPolicy },
    call: CallOptions = {},
  ): Promise<void> {
    await this.http.send(`/control/v1/tenant/${tenantId}/policy`, { ...call, method: "PUT", body: policy });
  }

  /** Moves a shard and answers when the move is reconciled. */
  async migrateShard(shard: TenantShardId, nodeId: number, call: CallOptions = {}): Promise<void> {
    await this.#migrate("migrate", shard, nodeId, call);
  }

  async migrateSecondary(shard: TenantShardId, nodeId: number, call: CallOptions = {}): Promise<void> {
    await this.#migrate("migrate_secondary", shard, nodeId, call);
  }

  async #migrate(
    what: "migrate" | "migrate_secondary",
    shard: TenantShardId,
    nodeId: number,
    call: CallOptions,
  ): Promise<void> {
    const id = Shards.format(shard);
    const body = { tenant_shard_id: id, node_id: nodeId };
    await this.http.send(`/control/v1/tenant/${id}/${what}`, { timeoutMs: LONG_MS, ...call, method: "PUT", body });
  }

  async cancelReconcile(shard: TenantShardId, call: CallOptions = {}): Promise<void> {
    await this.http.send(`/control/v1/tenant/${Shards.format(shard)}/cancel_reconcile`, { ...call, method: "PUT" });
  }

  /** The count must be a multiple of the present one; the ids of all shards after the split. */
  async splitShards(
    tenantId: TenantId,
    request: { shardCount: number; stripeSize?: number },
    call: CallOptions = {},
  ): Promise<TenantShardId[]> {
    const body = { new_shard_count: request.shardCount, new_stripe_size: request.stripeSize };
    const path = `/control/v1/tenant/${tenantId}/shard_split`;
    const options = { timeoutMs: LONG_MS, ...call, method: "PUT", body } as const;
    const answer = await this.http.json<{ new_shards: string[] }>(path, options);
    return answer.new_shards.map((text) => Shards.parse(text));
  }

  /** By shard id as text; null takes the preference away. The ids of the shards that changed. */
  async setPreferredAzs(
    preferences: Readonly<Record<string, string | null>>,
    call: CallOptions = {},
  ): Promise<string[]> {
    const options = { ...call, method: "PUT", body: preferences } as const;
    return (await this.http.json<{ updated: string[] }>("/control/v1/preferred_azs", options)).updated;
  }

  async updateMetadataHealth(
    health: { healthy?: readonly string[]; unhealthy?: readonly string[] },
    call: CallOptions = {},
  ): Promise<void> {
    const body = { healthy_tenant_shards: health.healthy ?? [], unhealthy_tenant_shards: health.unhealthy ?? [] };
    await this.http.send("/control/v1/metadata_health/update", { ...call, method: "POST", body });
  }

  async unhealthyShards(call: CallOptions = {}): Promise<string[]> {
    const path = "/control/v1/metadata_health/unhealthy";
    return (await this.http.json<{ unhealthy_tenant_shards: string[] }>(path, call)).unhealthy_tenant_shards;
  }

  /** `notScrubbedFor` as Neon writes spans of time, e.g. `1h`. */
  async outdatedShards(notScrubbedFor: string, call: CallOptions = {}): Promise<MetadataHealthRecord[]> {
    const options = { ...call, method: "POST", body: { not_scrubbed_for: notScrubbedFor } } as const;
    const path = "/control/v1/metadata_health/outdated";
    return (await this.http.json<{ health_records: MetadataHealthRecord[] }>(path, options)).health_records;
  }
}

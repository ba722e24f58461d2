import type { TenantId } from "../../types";
import type { LocationConfigAnswer } from "../pageserver/tenant-types";
import type { TenantConfig, TenantSettings } from "../tenant-config";

/** How many secondaries besides the attached location; or none at all. */
export type PlacementPolicy = { Attached: number } | "Secondary" | "Detached";

export type ShardSchedulingPolicy = "Active" | "Essential" | "Pause" | "Stop";

export interface NewTenant {
  tenantId: TenantId;
  config?: TenantSettings;
  /** 0, the default, is an unsharded tenant. */
  shardCount?: number;
  /** In pages of 8 KiB. */
  shardStripeSize?: number;
  placementPolicy?: PlacementPolicy;
  generation?: number;
}

export interface NewTenantShards {
  shards: { shard_id: string; node_id: number; generation: number }[];
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

export interface ShardDescription {
  tenant_shard_id: string;
  node_attached: number | null;
  node_secondary: number[];
  last_error: string;
  is_reconciling: boolean;
  is_pending_compute_notification: boolean;
  is_splitting: boolean;
  scheduling_policy: ShardSchedulingPolicy;
  preferred_az_id: string | null;
}

export interface TenantDescription {
  tenant_id: TenantId;
  shards: ShardDescription[];
  stripe_size: number;
  policy: PlacementPolicy;
  config: Required<TenantConfig>;
}

/** A shard as the controller holds it in memory. */
export interface ShardDump {
  tenant_shard_id: string;
  shard: { number: number; count: number; stripe_size: number; layout: number };
  sequence: number;
  generation: number | null;
  policy: PlacementPolicy;
  intent: { attached: number | null; secondary: number[]; preferred_az_id: string | null };
  /** By node id; null where the state of that location is unknown. */
  observed: { locations: Record<string, { conf: LocationConfigAnswer | null }> };
  config: Required<TenantConfig>;
  splitting: string;
  delayed_reconcile: boolean;
  last_error: string;
  pending_compute_notification: boolean;
  scheduling_policy: ShardSchedulingPolicy;
}

export interface SchedulerDump {
  nodes: Record<
    string,
    {
      shard_count: number;
      attached_shard_count: number;
      home_shard_count: number;
      az: string;
      may_schedule: { Yes: unknown } | "No";
    }
  >;
}

export interface MetadataHealthRecord {
  tenant_shard_id: string;
  healthy: boolean;
  last_scrubbed_at: string;
}

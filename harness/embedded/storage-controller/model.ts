import { TenantId, TenantShardId } from "../../types";

export type PlacementPolicy = { Attached: number } | "Secondary" | "Detached";
export type SchedulingPolicy = "Active" | "Essential" | "Pause" | "Stop";
export type NodeScheduling = "Active" | "Filling" | "Pause" | "PauseForRestart" | "Draining";
export type LocationMode = "AttachedSingle" | "AttachedMulti" | "AttachedStale" | "Secondary" | "Detached";

/** The keys of a tenant configuration in the order Neon prints them. */
const TENANT_CONFIG_KEYS = [
  "checkpoint_distance",
  "checkpoint_timeout",
  "compaction_target_size",
  "compaction_period",
  "compaction_threshold",
  "compaction_algorithm",
  "gc_horizon",
  "gc_period",
  "image_creation_threshold",
  "pitr_interval",
  "walreceiver_connect_timeout",
  "lagging_wal_timeout",
  "max_lsn_wal_lag",
  "eviction_policy",
  "min_resident_size_override",
  "evictions_low_residence_duration_metric_threshold",
  "heatmap_period",
  "lazy_slru_download",
  "timeline_get_throttle",
  "image_layer_creation_check_threshold",
  "lsn_lease_length",
  "lsn_lease_length_for_ts",
  "timeline_offloading",
  "wal_receiver_protocol_override",
] as const;

/** Only the keys that are set. */
export type TenantConfig = Record<string, unknown>;

/** All 24 keys, null where unset, as Neon prints a tenant's configuration. */
export function fullTenantConfig(config: TenantConfig): TenantConfig {
  return Object.fromEntries(TENANT_CONFIG_KEYS.map((key) => [key, config[key] ?? null]));
}

/** Drops what is null, and so unset. */
export function setKeys(config: TenantConfig): TenantConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null && value !== undefined));
}

/** What a pageserver is told, and tells, about one shard. */
export interface LocationConfig {
  mode: LocationMode;
  generation: number | null;
  secondary_conf: { warm: boolean } | null;
  shard_number: number;
  shard_count: number;
  shard_stripe_size: number;
  tenant_conf: TenantConfig;
}

/** Where a pageserver listens, as it registers itself. */
export interface NodeAddress {
  listen_http_addr: string;
  listen_http_port: number;
  listen_pg_addr: string;
  listen_pg_port: number;
}

/** The part of a node that survives a restart. */
export interface NodeRecord extends NodeAddress {
  id: number;
  availability_zone_id: string;
  scheduling: NodeScheduling;
}

/** The part of a tenant shard that survives a restart. */
export interface ShardRecord {
  tenant_id: string;
  shard_number: number;
  shard_count: number;
  shard_stripe_size: number;
  /** The last generation handed out; 0 before the first. */
  generation: number;
  /** The pageserver that the last generation was handed to. */
  generation_pageserver: number | null;
  /** Where the shard is to be attached, and to have warm copies. */
  attached: number | null;
  secondary: number[];
  placement_policy: PlacementPolicy;
  scheduling_policy: SchedulingPolicy;
  preferred_az_id: string | null;
  config: TenantConfig;
  /** While the tenant is being split: the parents stay until it is done, and the children are not used. */
  splitting?: boolean;
  /** What the scrubber said last. */
  health: { healthy: boolean; last_scrubbed_at: string };
}

const DEFAULT_STRIPE_SIZE = 32768;

export function shardIdOf(record: ShardRecord): TenantShardId {
  return {
    tenantId: TenantId.parse(record.tenant_id),
    shardNumber: record.shard_number,
    shardCount: record.shard_count,
  };
}

/** `hex` or `hex-NNCC`. */
export function shardText(record: ShardRecord): string {
  return TenantShardId.format(shardIdOf(record));
}

/** A shard that no pageserver has yet. */
export function newShardRecord(id: TenantShardId, settings: Partial<ShardRecord> = {}): ShardRecord {
  return {
    tenant_id: id.tenantId,
    shard_number: id.shardNumber,
    shard_count: id.shardCount,
    shard_stripe_size: DEFAULT_STRIPE_SIZE,
    generation: 0,
    generation_pageserver: null,
    attached: null,
    secondary: [],
    placement_policy: { Attached: 0 },
    scheduling_policy: "Active",
    preferred_az_id: null,
    config: {},
    health: { healthy: true, last_scrubbed_at: new Date().toISOString() },
    ...settings,
  };
}

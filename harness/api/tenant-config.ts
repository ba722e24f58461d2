/** A span of time as Neon writes it: `10s`, `1h`, `7days`, `0s` to switch off. */
type HumanTime = string;

export type EvictionPolicy =
  | { kind: "NoEviction" }
  | { kind: "LayerAccessThreshold"; period: HumanTime; threshold: HumanTime }
  | { kind: "OnlyImitiate"; period: HumanTime; threshold: HumanTime };

export type WalReceiverProtocol =
  | { type: "vanilla" }
  | { type: "interpreted"; args: { format: "bincode" | "protobuf"; compression: null | { zstd: { level: number } } } };

/** The 24 settings of a tenant at this revision; null where one is not set. */
export interface TenantConfig {
  checkpoint_distance?: number | null;
  checkpoint_timeout?: HumanTime | null;
  compaction_target_size?: number | null;
  compaction_period?: HumanTime | null;
  compaction_threshold?: number | null;
  compaction_algorithm?: { kind: "legacy" | "tiered" } | null;
  gc_horizon?: number | null;
  gc_period?: HumanTime | null;
  image_creation_threshold?: number | null;
  pitr_interval?: HumanTime | null;
  walreceiver_connect_timeout?: HumanTime | null;
  lagging_wal_timeout?: HumanTime | null;
  max_lsn_wal_lag?: number | null;
  eviction_policy?: EvictionPolicy | null;
  min_resident_size_override?: number | null;
  evictions_low_residence_duration_metric_threshold?: HumanTime | null;
  heatmap_period?: HumanTime | null;
  lazy_slru_download?: boolean | null;
  timeline_get_throttle?: {
    task_kinds: string[];
    initial: number;
    refill_interval: HumanTime;
    refill_amount: number;
    max: number;
  } | null;
  image_layer_creation_check_threshold?: number | null;
  lsn_lease_length?: HumanTime | null;
  lsn_lease_length_for_ts?: HumanTime | null;
  timeline_offloading?: boolean | null;
  wal_receiver_protocol_override?: WalReceiverProtocol | null;
}

/** What a request may hold: also settings that Neon does not know, so that tests can see them refused. */
export type TenantSettings = TenantConfig | Readonly<Record<string, unknown>>;

export interface TenantConfigAnswer {
  tenant_specific_overrides: TenantConfig;
  effective_config: TenantConfig;
}

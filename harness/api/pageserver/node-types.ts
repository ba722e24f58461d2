export interface Utilization {
  disk_usage_bytes: number;
  free_space_bytes: number;
  disk_wanted_bytes: number;
  disk_usable_pct: number;
  shard_count: number;
  max_shard_count: number;
  utilization_score: number;
  captured_at: string;
}

export interface EvictionRequest {
  evict_bytes: number;
  eviction_order?: { type: "RelativeAccessed"; args: { highest_layer_count_loses_first: boolean } };
}

interface EvictedUsage {
  evict_bytes: number;
  freed_bytes: number;
}

export type EvictionOutcome =
  | "NoPressure"
  | "Cancelled"
  | {
      Finished: {
        before: EvictedUsage;
        planned: {
          respecting_tenant_min_resident_size: EvictedUsage;
          fallback_to_global_lru: EvictedUsage | null;
        };
        assumed: { projected_after: EvictedUsage; failed: { file_sizes: number; count: number } };
      };
    };

export interface TopTenantsRequest {
  order_by: "resident_size" | "max_logical_size";
  limit: number;
  where_shards_lt?: number;
  where_gt?: number;
}

export interface TopTenant {
  id: string;
  resident_size: number;
  physical_size: number;
  max_logical_size: number;
}

export type TracingLevel = "error" | "warn" | "info" | "debug" | "trace";

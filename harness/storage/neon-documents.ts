/** What stands in index_part.json; only what tests look at is spelled out. */
export interface IndexPart {
  version: number;
  layer_metadata: Record<string, { file_size: number; generation?: number; shard?: string }>;
  disk_consistent_lsn: string;
  deleted_at?: string | null;
  archived_at?: string | null;
  /** What detaches have changed; the original ancestor is timeline, LSN and time. */
  lineage?: { original_ancestor?: [string, string, string]; reparenting_history?: string[] } | null;
  [key: string]: unknown;
}

/** heatmap-v1.json: which layers an attached location has on its disk, for its secondaries. */
export interface Heatmap {
  timelines: {
    timeline_id: string;
    layers: {
      name: string;
      metadata: { file_size: number; generation?: number };
      access_time: number;
      [key: string]: unknown;
    }[];
    [key: string]: unknown;
  }[];
  [key: string]: unknown;
}

/** tenant-manifest-…: the timelines that are offloaded. */
export interface TenantManifest {
  version: number;
  offloaded_timelines: { timeline_id: string; archived_at: string; [key: string]: unknown }[];
  [key: string]: unknown;
}

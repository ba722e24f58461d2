export type InMemoryLayer =
  { kind: "Open"; lsn_start: string } | { kind: "Frozen"; lsn_start: string; lsn_end: string };

interface AnyHistoricLayer {
  /** Without the generation's suffix. */
  layer_file_name: string;
  layer_file_size: number;
  lsn_start: string;
  /** Only in remote storage. */
  remote: boolean;
  /** Times in ms since 1970; 0 is never. */
  access_stats: { access_time: number; residence_time: number; visible: boolean };
}

/** `lsn_end` is exclusive; an image stands at one LSN and has none. */
export type HistoricLayer =
  (AnyHistoricLayer & { kind: "Delta"; lsn_end: string; l0: boolean }) | (AnyHistoricLayer & { kind: "Image" });

export interface LayerMap {
  in_memory_layers: InMemoryLayer[];
  historic_layers: HistoricLayer[];
}

export interface GcResult {
  layers_total: number;
  layers_needed_by_cutoff: number;
  layers_needed_by_pitr: number;
  layers_needed_by_branches: number;
  layers_needed_by_leases: number;
  layers_not_updated: number;
  layers_removed: number;
  elapsed: unknown;
}

export interface CompactOptions {
  forceL0Compaction?: boolean;
  forceRepartition?: boolean;
  forceImageLayerCreation?: boolean;
  enhancedGcBottomMostCompaction?: boolean;
  dryRun?: boolean;
  waitUntilUploaded?: boolean;
  waitUntilScheduledCompactionDone?: boolean;
  /** A compaction of one part, or one that is only put into the queue. */
  request?: CompactRequest;
}

export interface CompactRequest {
  compact_key_range?: { start: string; end: string };
  compact_lsn_range?: { start: string; end: string };
  scheduled?: boolean;
  sub_compaction?: boolean;
  sub_compaction_max_job_size_mb?: number;
}

export interface CompactJob {
  compact_key_range: { start: string; end: string } | null;
  compact_lsn_range: { start: string; end: string } | null;
  sub_compaction: boolean;
  running: boolean;
  job_id: number;
}

/** What is not given has the pageserver's own default: flush awaited, upload not awaited, compaction on. */
export interface CheckpointOptions {
  forceL0Compaction?: boolean;
  forceRepartition?: boolean;
  forceImageLayerCreation?: boolean;
  waitUntilFlushed?: boolean;
  waitUntilUploaded?: boolean;
  compact?: boolean;
}

export interface RemoteDownload {
  task_id: string;
  state: "Running" | "Completed" | "ShutDown";
  total_layer_count: number;
  successful_download_count: number;
  failed_download_count: number;
}

import type { TenantId, TimelineId } from "../../types";

export type TimelineState = "Loading" | "Active" | "Stopping" | { Broken: { reason: string; backtrace: string } };

/** LSNs are text, as on the wire; `tenant_id` is a shard id where the tenant is sharded. */
export interface TimelineInfo {
  tenant_id: TenantId;
  timeline_id: TimelineId;
  ancestor_timeline_id: TimelineId | null;
  ancestor_lsn: string | null;
  last_record_lsn: string;
  prev_record_lsn: string | null;
  latest_gc_cutoff_lsn: string;
  disk_consistent_lsn: string;
  remote_consistent_lsn: string;
  remote_consistent_lsn_visible: string;
  initdb_lsn: string;
  current_logical_size: number;
  current_logical_size_is_accurate: boolean;
  directory_entries_counts: number[];
  current_physical_size: number | null;
  current_logical_size_non_incremental: number | null;
  pitr_history_size: number;
  within_ancestor_pitr: boolean;
  timeline_dir_layer_file_size_sum: number | null;
  /** `postgresql://HOST:PORT` of the safekeeper that the WAL comes from. */
  wal_source_connstr: string | null;
  last_received_msg_lsn: string | null;
  /** Microseconds since 1970. */
  last_received_msg_ts: number | null;
  pg_version: number;
  state: TimelineState;
  walreceiver_status: string;
  is_archived: boolean | null;
}

/** All fields of a TimelineInfo that hold an LSN. */
export type TimelineLsn = {
  [K in keyof TimelineInfo]: K extends `${string}_lsn` | `${string}_lsn_visible` ? K : never;
}[keyof TimelineInfo];

export interface OffloadedTimeline {
  tenant_id: TenantId;
  timeline_id: TimelineId;
  ancestor_timeline_id: TimelineId | null;
  ancestor_retain_lsn: string | null;
  archived_at: string;
}

export interface TimelinesAndOffloaded {
  timelines: TimelineInfo[];
  offloaded: OffloadedTimeline[];
}

export type PgdataLocation = { LocalFs: { path: string } } | { AwsS3: { region: string; bucket: string; key: string } };

/** A branch where there is an ancestor, an import where there is a directory to import, or else a new initdb. */
export type NewTimeline = { new_timeline_id: TimelineId; pg_version?: number } & (
  | { ancestor_timeline_id: TimelineId; ancestor_start_lsn?: string }
  | { import_pgdata: { location: PgdataLocation; idempotency_key: string } }
  | { existing_initdb_timeline_id?: TimelineId; ancestor_timeline_id?: never; ancestor_start_lsn?: never }
);

export interface TimelineDetailOptions {
  includeNonIncrementalLogicalSize?: boolean;
  forceAwaitInitialLogicalSize?: boolean;
}

export type LsnByTimestamp = {
  lsn: string;
  kind: "present" | "future" | "past" | "nodata";
  /** Only where a lease was asked for. */
  valid_until?: string;
};

export interface DetachAncestorAnswer {
  reparented_timelines: TimelineId[];
}

import type { TimelineId } from "../../types";
import type { TenantConfig, TenantSettings } from "../tenant-config";

export type TenantState =
  | { slug: "Attaching" | "Active" }
  | { slug: "Activating"; data: string }
  | { slug: "Stopping"; data: Record<string, never> }
  | { slug: "Broken"; data: { reason: string; backtrace: string } };

export interface TenantInfo {
  /** A tenant, or `<tenant>-NNCC` for a shard. */
  id: string;
  state: TenantState;
  /** Only where one tenant was asked for. */
  current_physical_size: number | null;
  attachment_status: { slug: "maybe" | "attached" } | { slug: "failed"; data: { reason: string } };
  generation: number;
  gc_blocking?: string;
}

export interface TenantDetails extends TenantInfo {
  walredo: { last_redo_at: string | null; process: { pid: number } | null } | null;
  timelines: TimelineId[];
}

export type LocationMode = "AttachedSingle" | "AttachedMulti" | "AttachedStale" | "Secondary" | "Detached";

interface Location {
  mode: LocationMode;
  generation?: number | null;
  secondary_conf?: { warm: boolean } | null;
  shard_number?: number;
  shard_count?: number;
  shard_stripe_size?: number;
}

/** What a PUT of location_config takes. */
export interface LocationConfig extends Location {
  tenant_conf: TenantSettings;
}

/** What the pageserver answers: every field is there, and all 24 settings. */
export interface LocationConfigAnswer extends Required<Location> {
  tenant_conf: Required<TenantConfig>;
}

export interface LocationConfigPutAnswer {
  shards: { shard_id: string; node_id: number }[];
  stripe_size: number | null;
}

export interface SecondaryProgress {
  heatmap_mtime: unknown;
  layers_downloaded: number;
  layers_total: number;
  bytes_downloaded: number;
  bytes_total: number;
}

export interface SyntheticSize {
  id: string;
  /** Bytes; null where only the inputs were asked for. */
  size: number | null;
  segment_sizes: { method: string; accum_size: number }[] | null;
  inputs: SyntheticSizeInputs;
}

export interface SyntheticSizeInputs {
  segments: {
    segment: { parent: number | null; lsn: number; size: number | null; needed: boolean };
    timeline_id: TimelineId;
    kind: "BranchStart" | "BranchPoint" | "GcCutOff" | "BranchEnd" | "LeasePoint" | "LeaseStart" | "LeaseEnd";
  }[];
  timeline_inputs: {
    timeline_id: TimelineId;
    ancestor_id: TimelineId | null;
    ancestor_lsn: string;
    last_record: string;
    latest_gc_cutoff: string;
    next_pitr_cutoff: string;
    retention_param_cutoff: string | null;
    lease_points: string[];
  }[];
}

import type { TenantId, TimelineId } from "../../types";
import type { Membership, ServerInfo, TermSwitch, WalSender } from "./types";

export interface DebugDumpOptions {
  /** Default of all parts but the term history, which is there unless it is switched off. */
  all?: boolean;
  controlFile?: boolean;
  memory?: boolean;
  diskContent?: boolean;
  termHistory?: boolean;
  walLastModified?: boolean;
  tenantId?: TenantId;
  timelineId?: TimelineId;
}

export interface PartialBackupSegment {
  status: "InProgress" | "Uploaded" | "Deleting";
  name: string;
  commit_lsn: string;
  flush_lsn: string;
  term: number;
}

/** The file safekeeper.control as JSON. */
export interface ControlFile {
  tenant_id: TenantId;
  timeline_id: TimelineId;
  mconf: Membership;
  acceptor_state: { term: number; term_history: TermSwitch[] };
  server: ServerInfo;
  proposer_uuid: string;
  timeline_start_lsn: string;
  local_start_lsn: string;
  commit_lsn: string;
  backup_lsn: string;
  peer_horizon_lsn: string;
  remote_consistent_lsn: string;
  partial_backup: { segments: PartialBackupSegment[] };
  eviction_state: "Present" | { Offloaded: string };
  creation_ts: { secs_since_epoch: number; nanos_since_epoch: number };
}

export interface TimelineMemory {
  is_cancelled: boolean;
  peers_info_len: number;
  walsenders: WalSender[];
  wal_backup_active: boolean;
  active: boolean;
  num_computes: number;
  last_removed_segno: number;
  epoch_start_lsn: string;
  mem_state: {
    commit_lsn: string;
    backup_lsn: string;
    peer_horizon_lsn: string;
    remote_consistent_lsn: string;
    proposer_uuid: string;
  };
  mgr_status: unknown;
  write_lsn: string;
  write_record_lsn: string;
  flush_lsn: string;
  file_open: boolean;
}

export interface DiskFile {
  name: string;
  size: number;
  created: string;
  modified: string;
  start_zeroes: number;
  end_zeroes: number;
}

export interface DumpedTimeline {
  tenant_id: TenantId;
  timeline_id: TimelineId;
  control_file: ControlFile | null;
  memory: TimelineMemory | null;
  disk_content: { files: DiskFile[] } | null;
  wal_last_modified: string | null;
}

export interface DebugDump {
  start_time: string;
  finish_time: string;
  timelines: DumpedTimeline[];
  timelines_count: number;
  config: {
    id: number;
    workdir: string;
    listen_pg_addr: string;
    listen_http_addr: string;
    no_sync: boolean;
    max_offloader_lag_bytes: number;
    wal_backup_enabled: boolean;
  };
}

/** The query of GET /v1/debug_dump; the safekeeper refuses a parameter that it does not know. */
export const debugDumpQuery = (options: DebugDumpOptions) => ({
  dump_all: options.all,
  dump_control_file: options.controlFile,
  dump_memory: options.memory,
  dump_disk_content: options.diskContent,
  dump_term_history: options.termHistory,
  dump_wal_last_modified: options.walLastModified,
  tenant_id: options.tenantId,
  timeline_id: options.timelineId,
});

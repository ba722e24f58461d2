import type { TenantId, TimelineId } from "../../types";

export interface TermSwitch {
  term: number;
  lsn: string;
}

export interface SafekeeperMember {
  id: number;
  host: string;
  pg_port: number;
}

export interface Membership {
  generation: number;
  members: SafekeeperMember[];
  new_members: SafekeeperMember[] | null;
}

/** `system_id` has 64 bits, so it comes as a bigint; `pg_version` is in the form 170000. */
export interface ServerInfo {
  pg_version: number;
  system_id: bigint;
  wal_seg_size: number;
}

export interface SafekeeperPeer {
  sk_id: number;
  term: number;
  last_log_term: number;
  flush_lsn: string;
  commit_lsn: string;
  local_start_lsn: string;
  pg_connstr: string;
  http_connstr: string;
}

interface PageserverFeedback {
  current_timeline_size: number;
  last_received_lsn: string;
  disk_consistent_lsn: string;
  remote_consistent_lsn: string;
  replytime: string;
  shard_number: number;
}

interface StandbyFeedback {
  reply: {
    write_lsn: string;
    flush_lsn: string;
    apply_lsn: string;
    reply_ts: number;
    reply_requested: boolean;
  };
  hs_feedback: { ts: number; xmin: number; catalog_xmin: number };
}

interface AnyWalSender {
  ttid: { tenant_id: TenantId; timeline_id: TimelineId };
  addr: string;
  conn_id: number;
  appname: string | null;
  feedback: { Pageserver: PageserverFeedback } | { Standby: StandbyFeedback };
}

/** Who reads WAL from the safekeeper: as it is, or interpreted for one shard. */
export type WalSender = { Vanilla: AnyWalSender } | { Interpreted: AnyWalSender & { shard: unknown } };

export interface WalReceiver {
  conn_id: number | null;
  status: "Voting" | "Streaming";
}

/** Neon's TimelineStatus. LSNs are text. */
export interface SafekeeperTimelineStatus {
  tenant_id: TenantId;
  timeline_id: TimelineId;
  mconf: Membership;
  acceptor_state: { term: number; epoch: number; term_history: TermSwitch[] };
  pg_info: ServerInfo;
  flush_lsn: string;
  timeline_start_lsn: string;
  local_start_lsn: string;
  commit_lsn: string;
  backup_lsn: string;
  peer_horizon_lsn: string;
  remote_consistent_lsn: string;
  peers: SafekeeperPeer[];
  walsenders: WalSender[];
  walreceivers: WalReceiver[];
}

export type SafekeeperLsn =
  | "flush_lsn"
  | "commit_lsn"
  | "timeline_start_lsn"
  | "local_start_lsn"
  | "backup_lsn"
  | "peer_horizon_lsn"
  | "remote_consistent_lsn";

export interface NewSafekeeperTimeline {
  tenant_id: TenantId;
  timeline_id: TimelineId;
  mconf: Omit<Membership, "new_members"> & { new_members?: SafekeeperMember[] | null };
  /** In the form 170000. */
  pg_version: number;
  system_id?: bigint | number | null;
  wal_seg_size?: number | null;
  start_lsn: string;
  commit_lsn?: string | null;
}

export interface TimelineDeleted {
  dir_existed: boolean;
  was_active: boolean;
}

/** What one safekeeper tells another about a timeline; LSNs that are not given count as 0/0. */
export interface SafekeeperTimelineInfo {
  term?: number;
  last_log_term?: number;
  flush_lsn?: string;
  commit_lsn?: string;
  backup_lsn?: string;
  remote_consistent_lsn?: string;
  peer_horizon_lsn?: string;
  local_start_lsn?: string;
  safekeeper_connstr?: string;
  http_connstr?: string;
  standby_horizon?: string;
}

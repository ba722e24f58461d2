export type ComputeStatus =
  | "empty"
  | "configuration_pending"
  | "init"
  | "running"
  | "configuration"
  | "failed"
  | "termination_pending"
  | "terminated";

export interface ComputeStatusAnswer {
  start_time: string;
  tenant: string | null;
  timeline: string | null;
  status: ComputeStatus;
  last_active: string | null;
  error: string | null;
}

/** Durations of the start, in ms unless the name says otherwise, and sizes in bytes. */
export interface ComputeStartMetrics {
  wait_for_spec_ms: number;
  sync_sk_check_ms: number;
  sync_safekeepers_ms: number;
  pageserver_connect_micros: number;
  basebackup_ms: number;
  basebackup_bytes: number;
  start_postgres_ms: number;
  config_ms: number;
  total_startup_ms: number;
  load_ext_ms: number;
  num_ext_downloaded: number;
  largest_ext_size: number;
  total_ext_download_size: number;
}

export interface ComputeDatabase {
  name: string;
  owner: string;
  options: unknown;
  restrict_conn: boolean;
  invalid: boolean;
}

export interface ComputeRole {
  name: string;
  encrypted_password: string | null;
  options: unknown;
}

export interface InstalledExtension {
  extname: string;
  version: string;
  n_databases: number;
  owned_by_superuser: string;
}

export type Privilege =
  | "SELECT"
  | "INSERT"
  | "UPDATE"
  | "DELETE"
  | "TRUNCATE"
  | "REFERENCES"
  | "TRIGGER"
  | "USAGE"
  | "CREATE"
  | "CONNECT"
  | "TEMPORARY"
  | "EXECUTE";

export interface RoleGrants {
  database: string;
  schema: string;
  role: string;
  privileges: Privilege[];
}

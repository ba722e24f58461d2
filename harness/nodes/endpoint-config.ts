import type { PgVersion, TenantId, TimelineId } from "../types";
import type { Safekeeper } from "./safekeeper";

export interface EndpointIdentity {
  id: string;
  tenantId: TenantId;
  timelineId: TimelineId;
  pgPort: number;
  httpPort: number;
  pgVersion: PgVersion;
}

/** The lines of postgresql.conf that neon_local writes for a primary (neon-protocols §1.7). */
export function primaryConfigLines(endpoint: EndpointIdentity, safekeepers: readonly Safekeeper[]): string[] {
  const addresses = safekeepers.map((sk) => `127.0.0.1:${sk.settings.pgTenantOnlyPort}`).join(",");
  return [
    "max_wal_senders=10",
    "wal_log_hints=off",
    "max_replication_slots=10",
    "hot_standby=on",
    // neon_local's 1 MB don't hold even the catalogs: every session would read pages that an uncommitted change needs to
    // be received for, and wait for the safekeepers with it. A test about paging sets its own.
    "shared_buffers=8MB",
    "effective_io_concurrency=2",
    "fsync=off",
    "max_connections=100",
    "wal_level=logical",
    "wal_sender_timeout=5s",
    "listen_addresses='127.0.0.1'",
    `port=${endpoint.pgPort}`,
    // A killed Postgres leaves its socket's lock file, which the next one respects as long as the dead one is a zombie.
    "unix_socket_directories=''",
    "wal_keep_size=0",
    "restart_after_crash=off",
    "shared_preload_libraries=neon",
    "max_replication_write_lag=15MB",
    "max_replication_flush_lag=10GB",
    // The walproposer sees a shutdown only with a safekeeper's next answer, and asks for one at this interval (1 s if not set).
    "neon.safekeeper_reconnect_timeout=100ms",
    ...(safekeepers.length === 0
      ? ["synchronous_commit=remote_write", "synchronous_standby_names=pageserver"]
      : ["synchronous_standby_names=walproposer", `neon.safekeepers='${addresses}'`]),
  ];
}

export function endpointJson(endpoint: EndpointIdentity): string {
  return JSON.stringify(
    {
      endpoint_id: endpoint.id,
      tenant_id: endpoint.tenantId,
      timeline_id: endpoint.timelineId,
      mode: "Primary",
      pg_port: endpoint.pgPort,
      http_port: endpoint.httpPort,
      pg_version: endpoint.pgVersion,
      skip_pg_catalog_updates: true,
      features: [],
    },
    null,
    2,
  );
}

/** spec.json as compute_ctl reads it (neon-protocols §3.4). */
export function computeSpec(
  endpoint: EndpointIdentity,
  parts: {
    postgresqlConf: string;
    pageserverConnstring: string;
    safekeepers: readonly Safekeeper[];
    stripeSize: number;
    /** What the compute shows to pageservers and safekeepers. */
    authToken: string | undefined;
  },
): Record<string, unknown> {
  return {
    format_version: 1.0,
    operation_uuid: null,
    features: [],
    swap_size_bytes: null,
    disk_quota_bytes: null,
    disable_lfc_resizing: null,
    cluster: {
      cluster_id: null,
      name: null,
      state: null,
      roles: [],
      databases: [],
      postgresql_conf: parts.postgresqlConf,
      settings: null,
    },
    delta_operations: null,
    skip_pg_catalog_updates: true,
    tenant_id: endpoint.tenantId,
    timeline_id: endpoint.timelineId,
    pageserver_connstring: parts.pageserverConnstring,
    safekeeper_connstrings: parts.safekeepers.map((sk) => `127.0.0.1:${sk.settings.pgTenantOnlyPort}`),
    mode: "Primary",
    storage_auth_token: parts.authToken ?? null,
    remote_extensions: null,
    pgbouncer_settings: null,
    shard_stripe_size: parts.stripeSize,
    local_proxy_config: null,
    reconfigure_concurrency: 1,
  };
}

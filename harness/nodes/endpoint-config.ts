import { Lsn } from "../types";
import type { PgVersion, TenantId, TimelineId } from "../types";
import type { Safekeeper } from "./safekeeper";

/** Writes; reads only, at the head of a primary's WAL; or reads only, at one LSN. */
export type EndpointMode = "Primary" | "Replica" | { readonly Static: Lsn };

export interface EndpointIdentity {
  id: string;
  tenantId: TenantId;
  timelineId: TimelineId;
  /** Null where the timeline has no branch name. */
  branchName: string | null;
  mode: EndpointMode;
  pgPort: number;
  httpPort: number;
  pgVersion: PgVersion;
}

/** What endpoint.json says of how the compute is to be started; `respec` changes it. */
export interface EndpointJson {
  mode: unknown;
  skip_pg_catalog_updates: boolean;
  features: string[];
  [key: string]: unknown;
}

/** The mode as endpoint.json and spec.json write it. */
export const modeJson = (mode: EndpointMode): unknown =>
  typeof mode === "string" ? mode : { Static: Lsn.format(mode.Static) };

/** The lines of postgresql.conf that neon_local writes (neon-protocols §1.7), but for those that docs/layout.md names. */
export function endpointConfigLines(endpoint: EndpointIdentity, safekeepers: readonly Safekeeper[]): string[] {
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
    ...modeLines(endpoint, safekeepers),
    // The original's harness adds it to every compute, so that backpressure is there, and tests are more stable.
    "max_replication_write_lag=15MB",
  ];
}

function modeLines(endpoint: EndpointIdentity, safekeepers: readonly Safekeeper[]): string[] {
  if (endpoint.mode === "Primary") return primaryLines(safekeepers);
  if (endpoint.mode === "Replica") return replicaLines(endpoint, safekeepers);
  return [`recovery_target_lsn='${Lsn.format(endpoint.mode.Static)}'`];
}

function primaryLines(safekeepers: readonly Safekeeper[]): string[] {
  return [
    "max_replication_flush_lag=10GB",
    // The walproposer sees a shutdown only with a safekeeper's next answer, and asks for one at this interval (1 s if not set).
    "neon.safekeeper_reconnect_timeout=100ms",
    ...(safekeepers.length === 0
      ? ["synchronous_commit=remote_write", "synchronous_standby_names=pageserver"]
      : ["synchronous_standby_names=walproposer", `neon.safekeepers='${safekeeperAddresses(safekeepers).join(",")}'`]),
  ];
}

/** A replica takes its WAL from whichever safekeeper answers. */
function replicaLines(endpoint: EndpointIdentity, safekeepers: readonly Safekeeper[]): string[] {
  const hosts = safekeepers.map(() => "127.0.0.1").join(",");
  const ports = safekeepers.map((sk) => sk.settings.pgTenantOnlyPort).join(",");
  // A quote within a setting is written twice.
  const options = `options=''-c timeline_id=${endpoint.timelineId} tenant_id=${endpoint.tenantId}''`;
  const conninfo = `host=${hosts} port=${ports} ${options} application_name=replica replication=true`;
  return [
    `primary_conninfo='${conninfo}'`,
    `primary_slot_name='repl_${endpoint.timelineId}_'`,
    // A page that isn't in the buffers is not replayed here, so to fetch it ahead makes no sense.
    ...(endpoint.pgVersion >= 15 ? ["recovery_prefetch=off"] : []),
  ];
}

/** Where computes reach these safekeepers: on the port that takes tenants' tokens only. */
export const safekeeperAddresses = (safekeepers: readonly Safekeeper[]): string[] =>
  safekeepers.map((sk) => `127.0.0.1:${sk.settings.pgTenantOnlyPort}`);

export function newEndpointJson(endpoint: EndpointIdentity): EndpointJson {
  return {
    endpoint_id: endpoint.id,
    tenant_id: endpoint.tenantId,
    timeline_id: endpoint.timelineId,
    mode: modeJson(endpoint.mode),
    pg_port: endpoint.pgPort,
    http_port: endpoint.httpPort,
    pg_version: endpoint.pgVersion,
    // As when an idle compute is woken up: roles and databases are not compared with the specification.
    skip_pg_catalog_updates: true,
    features: [],
  };
}

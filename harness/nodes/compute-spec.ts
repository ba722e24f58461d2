import type { EndpointIdentity, EndpointJson } from "./endpoint-config";

/** Where a tenant's pages are. */
export interface ComputeLocation {
  /** One address per shard, in their order. */
  pageservers: readonly string[];
  /** In pages. */
  stripeSize: number;
}

export interface SpecParts {
  postgresqlConf: string;
  location: ComputeLocation;
  safekeepers: readonly string[];
  /** What the compute shows to pageservers and safekeepers. */
  authToken: string | undefined;
  /** What stands in remote_extensions_spec.json. */
  remoteExtensions: unknown;
  /** Whether Postgres gets a role `test` and its database `neondb`. */
  createTestUser: boolean;
}

/** spec.json as compute_ctl reads it (neon-protocols §3.4). */
export function computeSpec(endpoint: EndpointIdentity, json: EndpointJson, parts: SpecParts): Record<string, unknown> {
  return {
    format_version: 1.0,
    operation_uuid: null,
    features: json.features,
    swap_size_bytes: null,
    disk_quota_bytes: null,
    disable_lfc_resizing: null,
    cluster: {
      cluster_id: null,
      name: null,
      state: null,
      roles: parts.createTestUser ? [{ name: "test", encrypted_password: null, options: null }] : [],
      databases: parts.createTestUser
        ? [{ name: "neondb", owner: "test", options: null, restrict_conn: false, invalid: false }]
        : [],
      postgresql_conf: parts.postgresqlConf,
      settings: null,
    },
    delta_operations: null,
    skip_pg_catalog_updates: json.skip_pg_catalog_updates,
    tenant_id: endpoint.tenantId,
    timeline_id: endpoint.timelineId,
    pageserver_connstring: pageserverConnstring(parts.location),
    safekeeper_connstrings: endpoint.mode === "Primary" ? parts.safekeepers : [],
    mode: json.mode,
    storage_auth_token: parts.authToken ?? null,
    remote_extensions: parts.remoteExtensions ?? null,
    pgbouncer_settings: null,
    shard_stripe_size: parts.location.stripeSize,
    local_proxy_config: null,
    reconfigure_concurrency: 1,
  };
}

export const pageserverConnstring = ({ pageservers }: ComputeLocation): string =>
  pageservers.map((address) => `postgresql://no_user@${address}`).join(",");

/** `changes` over `spec`: objects are merged one level deep, everything else is replaced. */
export function mergeSpec(spec: Record<string, unknown>, changes: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...spec };
  for (const [key, value] of Object.entries(changes)) {
    const old = merged[key];
    merged[key] = isObject(old) && isObject(value) ? { ...old, ...value } : value;
  }
  return merged;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

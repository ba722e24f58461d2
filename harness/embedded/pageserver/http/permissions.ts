import { type TenantId, TenantShardId } from "../../../types";
import { type Claims, checkTenantPermission, type HttpRequest, orForbidden, PermissionTable } from "../../service";

/** "any": every valid token; "node": pageserverapi only; "tenant": that, or a token for the tenant in the path. */
const RULES = new PermissionTable<"any" | "node" | "tenant">([
  ["GET", "/v1/tenant", "node"],
  ["GET", "/v1/utilization", "node"],
  ["POST", "/v1/reload_auth_validation_keys", "node"],
  ["PUT", "/v1/disk_usage_eviction/run", "node"],
  ["POST", "/v1/top_tenants", "node"],
  ["PUT", "/v1/io_engine", "node"],
  ["PUT", "/v1/io_mode", "node"],
  // The tenant stands in the body: see requireTenant.
  ["*", "/v1/tenant/config", "any"],
  ["PUT", "/v1/tenant/:tenant/shard_split", "any"],
  ["PUT", "/v1/tenant/:tenant/break", "any"],
  ["POST", "/v1/tenant/:tenant/heatmap_upload", "any"],
  ["*", "/v1/tenant/:tenant/secondary/*", "any"],
  ["GET", "/v1/tenant/:tenant/scan_remote_storage", "any"],
  ["*", "/v1/tenant/:tenant/*", "tenant"],
  ["*", "/v1/tenant/:tenant", "tenant"],
]);

/** Refuses a request whose token is not good for it. Nothing is asked where authentication is off. */
export function requirePermission({ claims, method, path }: HttpRequest): void {
  if (claims === undefined) return;
  const found = RULES.find(method, path);
  if (found === undefined || found.rule === "any") return;
  if (found.rule === "node") return orForbidden(() => checkTenantPermission(claims, "pageserverapi", undefined));
  const tenant = tenantIn(found.params["tenant"] ?? "");
  // A path that names no tenant is answered as the bad request that it is.
  if (tenant !== undefined) check(claims, tenant);
}

/** The same for a tenant that stands in the body. */
export function requireTenant({ claims }: HttpRequest, tenantId: TenantId): void {
  if (claims !== undefined) check(claims, tenantId);
}

const check = (claims: Claims, tenantId: TenantId): void =>
  orForbidden(() => checkTenantPermission(claims, "pageserverapi", tenantId));

function tenantIn(text: string): TenantId | undefined {
  try {
    return TenantShardId.parse(text).tenantId;
  } catch {
    // Not an id at all.
    return undefined;
  }
}

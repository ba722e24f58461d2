import { TenantId } from "../../types";
import { checkTenantPermission, type HttpRequest, orForbidden, PermissionTable } from "../service";

/** "node": safekeeperdata only; "tenant": that, or a token for the tenant in the path. */
const RULES = new PermissionTable<"any" | "node" | "tenant">([
  ["GET", "/v1/tenant/timeline", "node"],
  // The tenant stands in the body: see requireTenant.
  ["POST", "/v1/tenant/timeline", "any"],
  ["POST", "/v1/tenant/:tenant/timeline/:timeline/copy", "node"],
  ["PATCH", "/v1/tenant/:tenant/timeline/:timeline/control_file", "node"],
  ["POST", "/v1/tenant/:tenant/timeline/:timeline/checkpoint", "node"],
  ["*", "/v1/tenant/:tenant", "tenant"],
  ["*", "/v1/tenant/:tenant/*", "tenant"],
  ["*", "/v1/record_safekeeper_info/:tenant/*", "tenant"],
  ["PUT", "/v1/failpoints", "node"],
  ["POST", "/v1/pull_timeline", "node"],
  ["GET", "/v1/debug_dump", "node"],
]);

/** Refuses a request whose token is not good for it. Nothing is asked where authentication is off. */
export function requirePermission(request: HttpRequest): void {
  const { claims, method, path } = request;
  if (claims === undefined) return;
  const found = RULES.find(method, path);
  if (found === undefined || found.rule === "any") return;
  if (found.rule === "node") return orForbidden(() => checkTenantPermission(claims, "safekeeperdata", undefined));
  const tenant = tenantIn(found.params["tenant"] ?? "");
  if (tenant !== undefined) requireTenant(request, tenant);
}

export function requireTenant({ claims }: HttpRequest, tenantId: TenantId): void {
  if (claims !== undefined) orForbidden(() => checkTenantPermission(claims, "safekeeperdata", tenantId));
}

function tenantIn(text: string): TenantId | undefined {
  try {
    return TenantId.parse(text);
  } catch {
    // The handler answers what is wrong with it.
    return undefined;
  }
}

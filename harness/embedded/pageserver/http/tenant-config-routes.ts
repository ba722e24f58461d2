import { TenantId, TenantShardId } from "../../../types";
import { badRequest, type HttpRequest, type HttpService } from "../../service";
import { parseTenantConf, type TenantConf } from "../config/tenant-conf";
import type { TenantManager } from "../tenants/tenant-manager";
import { orBadRequest, tenantOf } from "./parameters";
import { requireTenant } from "./permissions";

/** A tenant's own settings: PUT replaces them, PATCH changes some (null takes one back). */
export function addTenantConfigRoutes(http: HttpService, manager: TenantManager): void {
  http.route("GET", "/v1/tenant/:tenant_shard_id/config", (request) => {
    const tenant = tenantOf(manager, request);
    return { tenant_specific_overrides: tenant.conf.tenantConf, effective_config: tenant.effectiveConf };
  });
  http.route("PUT", "/v1/tenant/config", (request) => changeConf(manager, request, (_old, raw) => raw));
  http.route("PATCH", "/v1/tenant/config", (request) =>
    changeConf(manager, request, (old, raw) => ({ ...old, ...raw })),
  );
}

async function changeConf(
  manager: TenantManager,
  request: HttpRequest,
  merge: (old: TenantConf, raw: Record<string, unknown>) => Record<string, unknown>,
): Promise<null> {
  const { tenant_id: idText, ...raw } = await request.json<Record<string, unknown>>();
  const tenantId = orBadRequest(
    () => TenantId.parse(String(idText)),
    "Failed to parse json request: invalid tenant_id",
  );
  requireTenant(request, tenantId);
  const tenant = manager.attached(TenantShardId.format(TenantShardId.unsharded(tenantId)));
  try {
    const tenantConf = parseTenantConf(merge(tenant.conf.tenantConf, raw));
    await tenant.setConf({ ...tenant.conf, tenantConf });
  } catch (error) {
    // serde notices a bad field of a flattened struct only at the end of the body.
    const end = request.headers["content-length"] ?? "0";
    throw badRequest(`Failed to parse json request: ${(error as Error).message} at line 1 column ${end}`);
  }
  return null;
}

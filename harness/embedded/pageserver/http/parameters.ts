import { Lsn, TenantShardId, TimelineId } from "../../../types";
import { badRequest, type HttpRequest, notFound } from "../../service";
import type { Tenant } from "../tenants/tenant";
import type { TenantManager } from "../tenants/tenant-manager";
import type { Timeline } from "../timeline/timeline";

/** The tenant shard in a request's path; 400 as Neon words it. */
export function shardIdOf(request: HttpRequest): TenantShardId {
  return orBadRequest(
    () => TenantShardId.parse(request.params["tenant_shard_id"] ?? ""),
    "failed to parse tenant_shard_id",
  );
}

export function timelineIdOf(request: HttpRequest): TimelineId {
  return orBadRequest(() => TimelineId.parse(request.params["timeline_id"] ?? ""), "failed to parse timeline_id");
}

/** The attached tenant of a request; 404 when it is not here. */
export function tenantOf(manager: TenantManager, request: HttpRequest): Tenant {
  return manager.attached(TenantShardId.format(shardIdOf(request)));
}

/** The timeline of a request; 404 when tenant or timeline is not here. */
export function timelineOf(manager: TenantManager, request: HttpRequest): { tenant: Tenant; timeline: Timeline } {
  const tenant = tenantOf(manager, request);
  const timelineId = timelineIdOf(request);
  const timeline = tenant.timelines.get(timelineId);
  if (timeline === undefined) throw notFound(`Timeline ${tenant.key}/${timelineId} was not found`);
  return { tenant, timeline };
}

/** A boolean query parameter. */
export function flag(request: HttpRequest, name: string, standard: boolean): boolean {
  const text = request.query.get(name);
  if (text === null) return standard;
  if (text === "true" || text === "false") return text === "true";
  throw badRequest(`failed to parse ${name}`);
}

export function parseLsn(text: string): Lsn {
  return orBadRequest(() => Lsn.parse(text), `Invalid LSN: "${text}"`);
}

/** Runs a parser of harness/types, whose own message is made for the users of the harness. */
export function orBadRequest<T>(parse: () => T, message: string): T {
  try {
    return parse();
  } catch {
    throw badRequest(message);
  }
}

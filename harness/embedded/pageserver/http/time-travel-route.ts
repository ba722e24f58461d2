import { TenantShardId } from "../../../types";
import { badRequest, errorText, type HttpRequest, type HttpService, internal, isUnimplemented } from "../../service";
import { remoteTimelinesPrefix } from "../remote/paths";
import type { TenantManager } from "../tenants/tenant-manager";
import { shardIdOf } from "./parameters";

/** Brings the remote storage of a tenant that is attached nowhere back to what it was; only where versions are kept. */
export function addTimeTravelRoute(http: HttpService, manager: TenantManager): void {
  http.route("PUT", "/v1/tenant/:tenant_shard_id/time_travel_remote_storage", (request) => travel(manager, request));
}

async function travel(manager: TenantManager, request: HttpRequest): Promise<void> {
  const shard = shardIdOf(request);
  const travelTo = timeOf(request, "travel_to");
  const doneIfAfter = timeOf(request, "done_if_after");
  const key = TenantShardId.format(shard);
  if (manager.find(key) !== undefined) throw badRequest(`Tenant ${key} is already attached at this pageserver`);
  if (travelTo > doneIfAfter) {
    throw badRequest("The done_if_after timestamp comes before the timestamp to recover to");
  }
  for (const prefix of prefixesOf(shard)) {
    try {
      await manager.node.remote.recoverTo(prefix, travelTo, doneIfAfter);
    } catch (error) {
      if (isUnimplemented(error)) throw badRequest(error.message);
      request.log.warn(`internal error: ${errorText(error)}`);
      throw internal("internal error");
    }
  }
}

/** What initdb made stands with the tenant itself, whatever shards it has; shard zero takes care of it. */
function prefixesOf(shard: TenantShardId): string[] {
  const own = TenantShardId.format(shard);
  const unsharded = TenantShardId.format(TenantShardId.unsharded(shard.tenantId));
  const common = shard.shardNumber === 0 ? [remoteTimelinesPrefix(unsharded)] : [];
  return own === unsharded ? common : [...common, remoteTimelinesPrefix(own)];
}

function timeOf(request: HttpRequest, name: string): Date {
  const text = request.query.get(name);
  if (text === null) throw badRequest(`missing query parameter: ${name}`);
  const time = new Date(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/.test(text) ? text : Number.NaN);
  if (Number.isNaN(time.getTime())) throw badRequest(`Invalid time for ${name}: "${text}"`);
  return time;
}

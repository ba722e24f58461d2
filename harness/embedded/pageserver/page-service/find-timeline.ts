import { TenantId, TenantShardId, TimelineId } from "../../../types";
import { PgError } from "../../../wire";
import type { Tenant } from "../tenants/tenant";
import type { TenantManager } from "../tenants/tenant-manager";
import type { Timeline } from "../timeline/timeline";
import { shardOfPage } from "./shard-of";
import type { PagestreamRequest } from "../../../wire";

export interface TimelineName {
  readonly tenantId: TenantId;
  readonly timelineId: TimelineId;
}

/** Reads the ids of a command; the message for a bad one is Neon's. */
export function parseIds(tenantText: string, timelineText: string): TimelineName {
  return { tenantId: parsed(TenantId.parse, "tenant", tenantText), timelineId: parseTimelineId(timelineText) };
}

export const parseTimelineId = (text: string): TimelineId => parsed(TimelineId.parse, "timeline", text);

/** `hex` or `hex-NNCC`. */
export const parseShardId = (text: string): TenantShardId => parsed(TenantShardId.parse, "tenant", text);

function parsed<T>(parse: (text: string) => T, kind: string, text: string): T {
  try {
    return parse(text);
  } catch {
    const reason = text.length === 32 ? "Invalid character" : "Invalid string length";
    throw new PgError(`Failed to parse ${kind} id from ${text}: ${reason}`);
  }
}

/** The shard is on another node: the client is to ask where, and come again. */
export class WrongShardError extends PgError {
  constructor() {
    super("reconnect", "08006", { closeAfter: true });
  }
}

/** The shards of a tenant that are attached here and can be used. */
function shardsHere(manager: TenantManager, tenantId: TenantId): Tenant[] {
  const unsharded = manager.find(TenantShardId.format(TenantShardId.unsharded(tenantId)));
  const candidates = unsharded === undefined ? manager.all().filter(({ id }) => id.tenantId === tenantId) : [unsharded];
  return candidates.filter((tenant) => tenant.isAttached && tenant.state === "Active");
}

function activeTimeline(tenant: Tenant | undefined, timelineId: TimelineId): Timeline | undefined {
  const timeline = tenant?.timelines.get(timelineId);
  return timeline?.state === "Active" ? timeline : undefined;
}

/** The timeline as clients name it, on shard zero of a sharded tenant. Undefined when it is not here. */
export function findTimeline(manager: TenantManager, name: TimelineName): Timeline | undefined {
  const zero = shardsHere(manager, name.tenantId).find(({ id }) => id.shardNumber === 0);
  return activeTimeline(zero, name.timelineId);
}

/** The timeline on exactly this shard. */
export function findOnShard(manager: TenantManager, id: TenantShardId, timelineId: TimelineId): Timeline | undefined {
  const tenant = manager.find(TenantShardId.format(id));
  return tenant?.isAttached === true && tenant.state === "Active" ? activeTimeline(tenant, timelineId) : undefined;
}

/**
 * The timeline on the shard that holds what is asked for: pages are spread over shards, shard zero knows all else. Undefined
 * when no shard is here; throws WrongShardError when others are.
 */
export function findForRequest(
  manager: TenantManager,
  name: TimelineName,
  request: PagestreamRequest,
): Timeline | undefined {
  const shards = shardsHere(manager, name.tenantId);
  const [any] = shards;
  if (any === undefined) return undefined;
  const wanted =
    request.kind === "getpage"
      ? shardOfPage(request.rel, request.blkno, { count: any.id.shardCount, stripeSize: any.conf.stripeSize })
      : 0;
  const tenant = shards.find(({ id }) => id.shardNumber === wanted);
  if (tenant === undefined) throw new WrongShardError();
  return activeTimeline(tenant, name.timelineId);
}

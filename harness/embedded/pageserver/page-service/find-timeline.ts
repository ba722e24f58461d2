import { TenantId, TenantShardId, TimelineId } from "../../../types";
import { PgError } from "../../../wire";
import type { TenantManager } from "../tenants/tenant-manager";
import type { Timeline } from "../timeline/timeline";

export interface TimelineName {
  readonly tenantId: TenantId;
  readonly timelineId: TimelineId;
}

/** Reads the ids of a command; the message for a bad one is Neon's. */
export function parseIds(tenantText: string, timelineText: string): TimelineName {
  return {
    tenantId: parsed(TenantId.parse, "tenant", tenantText),
    timelineId: parsed(TimelineId.parse, "timeline", timelineText),
  };
}

function parsed<T>(parse: (text: string) => T, kind: string, text: string): T {
  try {
    return parse(text);
  } catch {
    const reason = text.length === 32 ? "Invalid character" : "Invalid string length";
    throw new PgError(`Failed to parse ${kind} id from ${text}: ${reason}`);
  }
}

/** The timeline as clients name it; a tenant's first shard answers for a sharded tenant. Undefined when it is not here. */
export function findTimeline(manager: TenantManager, name: TimelineName): Timeline | undefined {
  const unsharded = manager.find(TenantShardId.format(TenantShardId.unsharded(name.tenantId)));
  const tenant = unsharded ?? manager.all().find(({ id }) => id.tenantId === name.tenantId && id.shardNumber === 0);
  if (tenant?.isAttached !== true || tenant.state !== "Active") return undefined;
  const timeline = tenant.timelines.get(name.timelineId);
  return timeline?.state === "Active" ? timeline : undefined;
}

import type { TenantId, TimelineId } from "../types";
import { TenantShardId } from "../types";

/** A whole tenant or one of its shards. */
export type AnyTenantId = TenantId | TenantShardId;

export const tenantText = (id: AnyTenantId): string => (typeof id === "string" ? id : TenantShardId.format(id));

export const tenantPath = (id: AnyTenantId): string => `/v1/tenant/${tenantText(id)}`;

export const timelinePath = (id: AnyTenantId, timelineId: TimelineId): string =>
  `${tenantPath(id)}/timeline/${timelineId}`;

import type { TimelineId } from "../../../types";
import { generationSuffix } from "../layers/layer-name";

/** Everything of a tenant shard, given its id as Neon writes it (`hex` or `hex-NNCC`). */
export const remoteTenantPrefix = (shardId: string): string => `tenants/${shardId}`;

export const remoteTimelinesPrefix = (shardId: string): string => `${remoteTenantPrefix(shardId)}/timelines`;

export const remoteTimelinePrefix = (shardId: string, timelineId: TimelineId | string): string =>
  `${remoteTimelinesPrefix(shardId)}/${timelineId}`;

export const INDEX_PREFIX = "index_part.json-";

export const indexObject = (generation: number): string => `${INDEX_PREFIX}${generationSuffix(generation)}`;

/** The id of the tenant shard that wrote a layer. */
export const layerOwner = (tenantId: string, shard: string | undefined): string =>
  shard === undefined ? tenantId : `${tenantId}-${shard}`;

export const heatmapObject = (shardId: string): string => `${remoteTenantPrefix(shardId)}/heatmap-v1.json`;

export const layerObject = (fileName: string, generation: number): string =>
  `${fileName}-${generationSuffix(generation)}`;

import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { TenantShardId } from "../../../types";
import { badRequest, errorText, failAt, internal } from "../../service";
import type { LocationConf } from "../config/location-conf";
import { localLayerFile } from "../layers/layer-name";
import { formatIndexPart } from "../remote/index-part";
import { indexObject, remoteTimelinePrefix } from "../remote/paths";
import { formatManifest, manifestObject } from "../remote/tenant-manifest";
import type { Tenant } from "./tenant";
import type { TenantManager } from "./tenant-manager";

export interface SplitRequest {
  readonly new_shard_count: number;
  readonly new_stripe_size?: number | null;
}

/** How long the children may take to receive what their parent had. */
const CATCH_UP_MS = 10_000;

/** The shards that one shard becomes: it keeps its number, the others count on from it in steps of the old number of shards. */
export function childrenOfShard(parent: TenantShardId, newCount: number): TenantShardId[] {
  const oldCount = Math.max(1, parent.shardCount);
  if (newCount <= parent.shardCount || newCount % oldCount !== 0) {
    throw badRequest(`Requested count ${newCount} but already have shards at count ${parent.shardCount}`);
  }
  return Array.from({ length: newCount / oldCount }, (_, index) => ({
    tenantId: parent.tenantId,
    shardNumber: parent.shardNumber + index * oldCount,
    shardCount: newCount,
  }));
}

/**
 * Replaces an attached shard by its children, in its generation. They share its layers in remote storage, and have their
 * own files here. If it fails, the parent is as it was.
 */
export async function splitShard(
  manager: TenantManager,
  tenant: Tenant,
  request: SplitRequest,
): Promise<TenantShardId[]> {
  const children = childrenOfShard(tenant.id, request.new_shard_count);
  const conf: LocationConf = { ...tenant.conf, stripeSize: request.new_stripe_size ?? tenant.conf.stripeSize };
  const fail = (place: string): Promise<void> => failAt(place, undefined, "failpoint");
  try {
    await fail("shard-split-pre-prepare");
    await prepare(tenant, children);
    await fail("shard-split-post-prepare");
    await fail("shard-split-pre-hardlink");
    await copyFiles(tenant, children);
    await fail("shard-split-post-hardlink");
    for (const child of children) await attachChild(manager, child, conf);
    await fail("shard-split-post-child-conf");
    await catchUp(manager, tenant, children);
    await fail("shard-split-pre-finish");
  } catch (error) {
    for (const child of children) await manager.detach(child);
    throw internal(errorText(error));
  }
  await manager.detach(tenant.id);
  return children;
}

/** Gives the children indexes of what the parent has. */
async function prepare(tenant: Tenant, children: readonly TenantShardId[]): Promise<void> {
  const { remote } = tenant.node;
  for (const timeline of tenant.timelines.values()) {
    await timeline.flush();
    await timeline.remoteClient.waitCompletion();
    timeline.cancelled.throwIfAborted();
    const index = Buffer.from(formatIndexPart(timeline.indexPart()));
    for (const child of children) {
      const prefix = remoteTimelinePrefix(TenantShardId.format(child), timeline.timelineId);
      await remote.uploadBytes(`${prefix}/${indexObject(tenant.generation)}`, index);
    }
  }
  if (tenant.offloaded.size === 0) return;
  const manifest = Buffer.from(formatManifest(tenant.offloaded.values()));
  for (const child of children) {
    await remote.uploadBytes(manifestObject(TenantShardId.format(child), tenant.generation), manifest);
  }
}

async function copyFiles(tenant: Tenant, children: readonly TenantShardId[]): Promise<void> {
  for (const timeline of tenant.timelines.values()) {
    for (const child of children) {
      const dir = join(tenant.dir, "..", TenantShardId.format(child), "timelines", timeline.timelineId);
      await mkdir(dir, { recursive: true });
      for (const layer of timeline.layers.indexed()) {
        if (!layer.resident) continue;
        await copyFile(layer.path, join(dir, localLayerFile(layer.fileName, layer.generation)));
      }
    }
  }
}

async function attachChild(manager: TenantManager, child: TenantShardId, conf: LocationConf): Promise<void> {
  await manager.setLocation(child, conf, { flush: false });
  const attached = manager.find(TenantShardId.format(child));
  if (attached?.state !== "Active") throw new Error(`could not attach ${attached?.key}: ${attached?.brokenReason}`);
}

/** So that clients which change over to the children need not wait. A child that is slow does not stop the split. */
async function catchUp(manager: TenantManager, tenant: Tenant, children: readonly TenantShardId[]): Promise<void> {
  await failAt("shard-split-lsn-wait", undefined, "failpoint");
  const enough = AbortSignal.timeout(CATCH_UP_MS);
  for (const parent of tenant.timelines.values()) {
    for (const child of children) {
      const timeline = manager.find(TenantShardId.format(child))?.timelines.get(parent.timelineId);
      await timeline?.waitLsn(parent.lastRecordLsn, enough).catch((error: unknown) => {
        timeline.log.info(`a shard has not caught up with its parent yet: ${errorText(error)}`);
      });
    }
  }
}

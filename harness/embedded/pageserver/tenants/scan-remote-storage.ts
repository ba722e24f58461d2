import type { TenantId } from "../../../types";
import { notFound, type RemoteStorage } from "../../service";
import { INDEX_PREFIX, remoteTimelinePrefix, remoteTimelinesPrefix } from "../remote/paths";

/** The shards of a tenant that remote storage has, each with the newest generation that wrote there. 404 for none. */
export async function scanRemoteStorage(remote: RemoteStorage, tenantId: TenantId): Promise<unknown> {
  const ids = await shardsInRemoteStorage(remote, tenantId);
  if (ids.length === 0) throw notFound(`No shards found for tenant ID ${tenantId}`);
  const shards = await Promise.all(
    ids.map(async (id) => ({ tenant_shard_id: id, generation: await newestGeneration(remote, id) })),
  );
  return { shards };
}

/** The ids of the tenant and of its shards, as far as remote storage has anything of them. */
export async function shardsInRemoteStorage(remote: RemoteStorage, tenantId: TenantId): Promise<string[]> {
  const { prefixes } = await remote.list("tenants");
  return prefixes.filter((name) => name === tenantId || name.startsWith(`${tenantId}-`)).toSorted();
}

async function newestGeneration(remote: RemoteStorage, shardId: string): Promise<number | null> {
  const timelines = (await remote.list(remoteTimelinesPrefix(shardId))).prefixes;
  let newest: number | null = null;
  for (const timelineId of timelines) {
    const { objects } = await remote.list(remoteTimelinePrefix(shardId, timelineId));
    for (const name of objects.filter((object) => object.startsWith(INDEX_PREFIX))) {
      newest = Math.max(newest ?? 0, Number.parseInt(name.slice(INDEX_PREFIX.length), 16));
    }
  }
  return newest;
}

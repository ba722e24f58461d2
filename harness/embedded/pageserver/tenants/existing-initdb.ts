import { Lsn, type TenantId, type TimelineId } from "../../../types";
import { type ImageManifest, readImageManifest } from "../../pg/image";
import { internal, type RemoteStorage } from "../../service";
import { parseLayerName } from "../layers/layer-name";
import { findIndexPart } from "../remote/find-index";
import { layerObject, layerOwner, remoteTimelinePrefix } from "../remote/paths";

export interface InitdbSource {
  readonly remote: RemoteStorage;
  readonly tenantId: TenantId;
  readonly timelineId: TimelineId;
  /** Where the image goes. */
  readonly outFile: string;
}

const NEWEST = 0xffff_ffff;

/** The image that another timeline of the tenant, on whichever shard, began with. 500 when there is none any more. */
export async function existingInitdb(source: InitdbSource): Promise<ImageManifest> {
  const { remote, tenantId, timelineId, outFile } = source;
  const { prefixes } = await remote.list("tenants");
  const shards = prefixes.filter((name) => name === tenantId || name.startsWith(`${tenantId}-`)).toSorted();
  for (const shard of shards) {
    const index = await findIndexPart(remote, shard, timelineId, NEWEST);
    const first = [...(index?.layers ?? [])].find(([name]) => isFirst(name, index?.initdbLsn ?? 0n));
    if (first === undefined) continue;
    const [name, { generation, shard: owner }] = first;
    const prefix = remoteTimelinePrefix(layerOwner(tenantId, owner), timelineId);
    await remote.download(`${prefix}/${layerObject(name, generation)}`, outFile);
    const manifest = await readImageManifest(outFile);
    if (Lsn.parse(manifest.redo) === index?.initdbLsn) return manifest;
  }
  throw internal(`the initdb of timeline ${tenantId}/${timelineId} is not in remote storage`);
}

/** An image right behind the checkpoint that initdb ended with. */
function isFirst(fileName: string, initdbLsn: Lsn): boolean {
  const name = parseLayerName(fileName);
  return name?.kind === "image" && name.lsn > initdbLsn && name.lsn < initdbLsn + 1024n;
}

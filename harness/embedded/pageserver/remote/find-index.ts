import { type IndexPart, parseIndexPart } from "./index-part";
import type { RemoteStorage } from "../../service";
import { INDEX_PREFIX, indexObject, remoteTimelinePrefix } from "./paths";

/** The index that a node of `generation` must use: its own, the previous one's, else the highest below. Undefined if none. */
export async function findIndexPart(
  remote: RemoteStorage,
  shardId: string,
  timelineId: string,
  generation: number,
): Promise<IndexPart | undefined> {
  const prefix = remoteTimelinePrefix(shardId, timelineId);
  for (const candidate of [generation, generation - 1].filter((number) => number >= 0)) {
    const bytes = await remote.read(`${prefix}/${indexObject(candidate)}`);
    if (bytes !== undefined) return parseIndexPart(bytes.toString("utf8"));
  }
  const { objects } = await remote.list(prefix);
  const older = objects
    .filter((name) => name.startsWith(INDEX_PREFIX))
    .map((name) => Number.parseInt(name.slice(INDEX_PREFIX.length), 16))
    .filter((number) => number <= generation);
  if (older.length === 0) return undefined;
  const bytes = await remote.read(`${prefix}/${indexObject(Math.max(...older))}`);
  return bytes === undefined ? undefined : parseIndexPart(bytes.toString("utf8"));
}

import { type IndexPart, parseIndexPart } from "./index-part";
import { errorText, type RemoteStorage } from "../../service";
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
    const index = await readIndex(remote, `${prefix}/${indexObject(candidate)}`);
    if (index !== undefined) return index;
  }
  const { objects } = await remote.list(prefix);
  const older = objects
    .filter((name) => name.startsWith(INDEX_PREFIX))
    .map((name) => Number.parseInt(name.slice(INDEX_PREFIX.length), 16))
    .filter((number) => number <= generation);
  if (older.length === 0) return undefined;
  return readIndex(remote, `${prefix}/${indexObject(Math.max(...older))}`);
}

/** Throws with the object's name when it is damaged: an older one in its place would be an older database. */
async function readIndex(remote: RemoteStorage, key: string): Promise<IndexPart | undefined> {
  const bytes = await remote.read(key);
  if (bytes === undefined) return undefined;
  try {
    return parseIndexPart(bytes.toString("utf8"));
  } catch (error) {
    throw new Error(`${key} can't be used: ${errorText(error)}`, { cause: error });
  }
}

import { failAt, type RemoteStorage } from "../../service";
import { INDEX_PREFIX } from "./paths";

/**
 * Removes the objects of a timeline that is marked as deleted, the newest index last: what an interrupted removal leaves is
 * found and removed by the next start.
 */
export async function removeTimelineObjects(remote: RemoteStorage, prefix: string): Promise<void> {
  const names = (await remote.list(prefix)).objects.toSorted();
  const newest = names.findLast((name) => name.startsWith(INDEX_PREFIX));
  for (const name of names) if (name !== newest) await remote.remove(`${prefix}/${name}`);
  await fail("timeline-delete-before-index-delete");
  await remote.removePrefix(prefix);
  await fail("timeline-delete-after-index-delete");
}

const fail = (name: string): Promise<void> => failAt(name, undefined, `failpoint: ${name}`);

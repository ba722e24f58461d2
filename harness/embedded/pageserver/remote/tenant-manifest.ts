import { Lsn, TimelineId } from "../../../types";
import { errorText, type RemoteStorage } from "../../service";
import { generationSuffix } from "../layers/layer-name";
import { remoteTenantPrefix } from "./paths";

/** A timeline of which nothing is kept on this node but that it exists. */
export interface OffloadedTimeline {
  readonly timelineId: TimelineId;
  readonly ancestorTimelineId: TimelineId | undefined;
  /** What garbage collection must leave of the ancestor. */
  readonly ancestorRetainLsn: Lsn | undefined;
  readonly archivedAt: string;
}

interface ManifestJson {
  version: number;
  offloaded_timelines: {
    timeline_id: string;
    ancestor_timeline_id?: string | null;
    ancestor_retain_lsn?: string | null;
    archived_at: string;
  }[];
}

const VERSION = 1;
const PREFIX = "tenant-manifest-";
const NAME = /^tenant-manifest-([0-9a-f]{8})\.json$/;

/** The text of tenant-manifest-<generation>.json. */
export function formatManifest(offloaded: Iterable<OffloadedTimeline>): string {
  const json: ManifestJson = {
    version: VERSION,
    offloaded_timelines: [...offloaded].map((timeline) => ({
      timeline_id: timeline.timelineId,
      ancestor_timeline_id: timeline.ancestorTimelineId ?? null,
      ancestor_retain_lsn: timeline.ancestorRetainLsn === undefined ? null : Lsn.format(timeline.ancestorRetainLsn),
      archived_at: timeline.archivedAt,
    })),
  };
  return JSON.stringify(json);
}

/** Throws when the text is broken or of another version. */
export function parseManifest(text: string): OffloadedTimeline[] {
  const json = JSON.parse(text) as ManifestJson;
  if (json.version !== VERSION) throw new Error(`tenant manifest has version ${json.version}, expected ${VERSION}`);
  return json.offloaded_timelines.map((timeline) => ({
    timelineId: TimelineId.parse(timeline.timeline_id),
    ancestorTimelineId: timeline.ancestor_timeline_id ? TimelineId.parse(timeline.ancestor_timeline_id) : undefined,
    ancestorRetainLsn: timeline.ancestor_retain_lsn ? Lsn.parse(timeline.ancestor_retain_lsn) : undefined,
    archivedAt: timeline.archived_at,
  }));
}

export const manifestObject = (shardId: string, generation: number): string =>
  `${remoteTenantPrefix(shardId)}/${PREFIX}${generationSuffix(generation)}.json`;

/** The newest manifest that a node of `generation` may use; empty when there is none. */
export async function findManifest(
  remote: RemoteStorage,
  shardId: string,
  generation: number,
): Promise<OffloadedTimeline[]> {
  const { objects } = await remote.list(remoteTenantPrefix(shardId));
  const generations = objects
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map((suffix) => Number.parseInt(suffix, 16))
    .filter((candidate) => candidate <= generation);
  if (generations.length === 0) return [];
  const key = manifestObject(shardId, Math.max(...generations));
  const bytes = await remote.read(key);
  if (bytes === undefined) return [];
  try {
    return parseManifest(bytes.toString("utf8"));
  } catch (error) {
    throw new Error(`${key} can't be used: ${errorText(error)}`, { cause: error });
  }
}

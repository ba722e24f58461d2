import type { IndexPart, RemoteStorage } from "../storage";
import { messageOfUnknown } from "../types";
import type { TimelineObjects } from "./scrub-storage";

interface Subject {
  /** As it stands in keys: the tenant's id, with `-NNCC` where it is a shard. */
  shard: string;
  timeline: string;
  names: TimelineObjects;
  /** Of all objects, for a shard may use layers that its parent wrote. */
  sizes: ReadonlyMap<string, number>;
}

interface Finding {
  hasIndex: boolean;
  problems: string[];
  /** Keys of the layers that its newest index names. */
  needed: string[];
}

const INDEX = /^index_part\.json(?:-([0-9a-f]{8}))?$/;
/** What may stand there without an index: a tenant's first timeline begins with what initdb made. */
const WITHOUT_INDEX = /^initdb(-preserved)?\.tar\.zst$/;

/** Holds the newest index of a timeline against the objects. */
export async function scrubTimeline(storage: RemoteStorage, subject: Subject): Promise<Finding> {
  const { shard, timeline, names } = subject;
  const folder = `tenants/${shard}/timelines/${timeline}/`;
  const indices = [...names.keys()]
    .filter((name) => INDEX.test(name))
    .toSorted((a, b) => generation(a) - generation(b));
  const newest = indices.at(-1);
  if (newest === undefined) {
    const orphans = [...names.keys()].filter((name) => !WITHOUT_INDEX.test(name));
    const problems = orphans.length === 0 ? [] : [`${folder}: ${orphans.length} objects and no index`];
    return { hasIndex: false, problems, needed: [] };
  }
  const key = folder + newest;
  try {
    const index = JSON.parse((await storage.read(key)).toString("utf8")) as IndexPart;
    // Its layers go before its index does.
    if (typeof index.deleted_at === "string") return { hasIndex: true, problems: [], needed: [] };
    return { hasIndex: true, ...compare(key, index, subject) };
  } catch (error) {
    return { hasIndex: true, problems: [`${key}: can't be read: ${messageOfUnknown(error)}`], needed: [] };
  }
}

const generation = (name: string): number => Number.parseInt(INDEX.exec(name)?.[1] ?? "-1", 16);

function compare(key: string, index: IndexPart, subject: Subject): Omit<Finding, "hasIndex"> {
  const problems: string[] = [];
  const needed: string[] = [];
  const tenant = subject.shard.slice(0, 32);
  for (const [name, layer] of Object.entries(index.layer_metadata)) {
    const owner = layer.shard === undefined ? tenant : `${tenant}-${layer.shard}`;
    const suffix = layer.generation === undefined ? "" : `-${layer.generation.toString(16).padStart(8, "0")}`;
    const object = `tenants/${owner}/timelines/${subject.timeline}/${name}${suffix}`;
    const size = subject.sizes.get(object);
    needed.push(object);
    if (size === undefined) problems.push(`${key}: the layer ${object} is not there`);
    else if (size !== layer.file_size) {
      problems.push(`${key}: the layer ${object} has ${size} bytes, and should have ${layer.file_size}`);
    }
  }
  return { problems, needed };
}

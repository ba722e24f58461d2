import { Lsn } from "../../../types";
import type { Layer } from "../layers/layer";
import type { Timeline } from "./timeline";

/** The image layer from which the state at `lsn` is built: the timeline's own or an ancestor's nearest below. */
export async function baseImage(timeline: Timeline, lsn: Lsn): Promise<{ layer: Layer; lsn: Lsn }> {
  const layer = timeline.layers.newestImage(lsn);
  if (layer?.name.kind === "image") {
    await layer.touch();
    return { layer, lsn: layer.name.lsn };
  }
  if (timeline.ancestor === undefined) {
    throw new Error(`no image of timeline ${timeline.name} at or below ${Lsn.format(lsn)}`);
  }
  return baseImage(timeline.ancestor.timeline, least(lsn, timeline.ancestor.lsn));
}

/** As long as `work` runs, no layer that the timeline's history may need is removed, here or in an ancestor. */
export async function whileReading<T>(timeline: Timeline, work: () => Promise<T>): Promise<T> {
  const ends: (() => void)[] = [];
  for (let reader: Timeline | undefined = timeline; reader !== undefined; reader = reader.ancestor?.timeline) {
    ends.push(reader.reads.begin());
  }
  try {
    return await work();
  } finally {
    for (const end of ends) end();
  }
}

/** LSN of the image from which the timeline's end is built; undefined when there is none. */
export function newestImageLsn(timeline: Timeline, lsn = timeline.lastRecordLsn): Lsn | undefined {
  const image = timeline.layers.newestImage(lsn);
  if (image?.name.kind === "image") return image.name.lsn;
  const { ancestor } = timeline;
  return ancestor === undefined ? undefined : newestImageLsn(ancestor.timeline, least(lsn, ancestor.lsn));
}

/** From here on the timeline's history has no gaps, if there is anything at all: no garbage collection has reached it. */
export function uncollectedLsn(timeline: Timeline): Lsn {
  const { ancestor, latestGcCutoffLsn } = timeline;
  if (ancestor === undefined) return latestGcCutoffLsn;
  const below = least(uncollectedLsn(ancestor.timeline), ancestor.lsn);
  return below > latestGcCutoffLsn ? below : latestGcCutoffLsn;
}

/** WAL of the timeline and, below its start, of its ancestors: the bytes [from, to). */
export async function* readWal(timeline: Timeline, from: Lsn, to: Lsn): AsyncGenerator<Buffer> {
  const { ancestor } = timeline;
  let position = from;
  if (ancestor !== undefined && position < ancestor.lsn) {
    const end = least(to, ancestor.lsn);
    // After a crash the ancestor may still be receiving again what it had when the branch was made.
    await ancestor.timeline.waitLsn(end, timeline.cancelled);
    yield* readWal(ancestor.timeline, position, end);
    position = end;
  }
  if (position < to) yield* timeline.wal.read(position, to);
}

/** The lowest LSN at which anything can be read: the first image in the timeline's history. */
export function firstReadableLsn(timeline: Timeline): Lsn {
  let root = timeline;
  while (root.ancestor !== undefined) root = root.ancestor.timeline;
  const images = root.layers.all().flatMap((layer) => (layer.name.kind === "image" ? [layer.name.lsn] : []));
  return images.reduce((lowest, lsn) => least(lowest, lsn), root.lastRecordLsn);
}

/** The nearest position strictly below `lsn` at which a record is known to start; undefined when there is none. */
export function knownBoundaryBelow(timeline: Timeline, lsn: Lsn): Lsn | undefined {
  const { ancestor } = timeline;
  if (ancestor !== undefined && lsn <= ancestor.lsn) return knownBoundaryBelow(ancestor.timeline, lsn);
  const layers = timeline.layers.all();
  const starts = [
    ...layers.map((layer) => (layer.name.kind === "image" ? layer.name.lsn : layer.name.lsnStart - 1n)),
    ...timeline.wal.frozen.map((layer) => layer.start),
    ...(timeline.wal.open === undefined ? [] : [timeline.wal.open.start]),
    ...(ancestor === undefined ? [] : [ancestor.lsn]),
    ...timeline.seen.boundaries,
  ].filter((start) => start < lsn);
  if (starts.length === 0) return undefined;
  return starts.reduce((highest, start) => (start > highest ? start : highest));
}

export const least = (a: Lsn, b: Lsn): Lsn => (a < b ? a : b);

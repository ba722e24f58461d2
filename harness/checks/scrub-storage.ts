import type { RemoteObject, RemoteStorage, TenantManifest } from "../storage";
import { messageOfUnknown } from "../types";
import { scrubTimeline } from "./scrub-timeline";

/** What a look at all of a pageserver's remote storage found. */
export interface ScrubReport {
  tenants: number;
  timelines: number;
  layers: number;
  /** Damage, one line each: what an index or manifest promises and is not there, or can't be read. */
  problems: string[];
  /** Layers that no index names: garbage that somebody has still to delete. */
  unneeded: string[];
  /** Objects that Neon does not know. */
  unknown: string[];
}

const TIMELINE = /^tenants\/([0-9a-f]{32}(?:-[0-9a-f]{4})?)\/timelines\/([0-9a-f]{32})\/([^/]+)$/;
const MANIFEST = /^tenants\/([0-9a-f]{32}(?:-[0-9a-f]{4})?)\/tenant-manifest-[0-9a-f]{8}$/;
const HEATMAP = /^tenants\/([0-9a-f]{32}(?:-[0-9a-f]{4})?)\/heatmap-v1\.json$/;

/** Objects of one timeline of one shard: name → size. */
export type TimelineObjects = Map<string, number>;

/** Holds every index against the objects that are there. Nothing may write meanwhile. */
export async function scrubStorage(storage: RemoteStorage): Promise<ScrubReport> {
  const objects = await storage.list("tenants/");
  const sizes = new Map(objects.map(({ key, size }) => [key, size]));
  const report: ScrubReport = { tenants: 0, timelines: 0, layers: 0, problems: [], unneeded: [], unknown: [] };
  const timelines = groupByTimeline(objects, report);
  report.tenants = new Set([...timelines.keys()].map((name) => name.slice(0, 32))).size;
  const needed = new Set<string>();
  for (const [name, names] of timelines) {
    const [shard = "", timeline = ""] = name.split("/");
    const found = await scrubTimeline(storage, { shard, timeline, names, sizes });
    if (found.hasIndex) report.timelines += 1;
    report.layers += found.needed.length;
    report.problems.push(...found.problems);
    for (const key of found.needed) needed.add(key);
  }
  report.unneeded = objects.map(({ key }) => key).filter((key) => isLayer(key) && !needed.has(key));
  await scrubDocuments(storage, objects, timelines, report);
  return report;
}

function groupByTimeline(objects: readonly RemoteObject[], report: ScrubReport): Map<string, TimelineObjects> {
  const timelines = new Map<string, TimelineObjects>();
  for (const { key, size } of objects) {
    const [, shard, timeline, name] = TIMELINE.exec(key) ?? [];
    if (name === undefined) {
      if (!MANIFEST.test(key) && !HEATMAP.test(key)) report.unknown.push(key);
      continue;
    }
    const place = `${shard}/${timeline}`;
    timelines.set(place, (timelines.get(place) ?? new Map<string, number>()).set(name, size));
  }
  return timelines;
}

const isLayer = (key: string): boolean => /\/[0-9A-F]{36}-[0-9A-F]{36}__[0-9A-F-]+(-[0-9a-f]{8})?$/.test(key);

/** Manifests and heatmaps: readable, and what is offloaded can come back. */
async function scrubDocuments(
  storage: RemoteStorage,
  objects: readonly RemoteObject[],
  timelines: ReadonlyMap<string, TimelineObjects>,
  report: ScrubReport,
): Promise<void> {
  const newest = new Map<string, string>();
  for (const { key } of objects) {
    const shard = (MANIFEST.exec(key) ?? HEATMAP.exec(key))?.[1];
    // Keys are in order, so the newest generation comes last.
    if (shard !== undefined) newest.set(`${shard} ${MANIFEST.test(key)}`, key);
  }
  for (const key of newest.values()) {
    try {
      const document = JSON.parse((await storage.read(key)).toString("utf8")) as Partial<TenantManifest>;
      const shard = MANIFEST.exec(key)?.[1];
      if (shard === undefined) continue;
      for (const { timeline_id: timeline } of document.offloaded_timelines ?? []) {
        if (timelines.has(`${shard}/${timeline}`)) continue;
        report.problems.push(`${key}: the offloaded timeline ${timeline} has no objects`);
      }
    } catch (error) {
      report.problems.push(`${key}: can't be read: ${messageOfUnknown(error)}`);
    }
  }
}

import { Lsn } from "../../../types";
import { countLogicalSizeAt } from "../page-service/count-logical-size";
import { gcCutoffs } from "../tenants/collect-garbage";
import type { Tenant } from "../tenants/tenant";
import type { Timeline } from "../timeline/timeline";
import { type Segment, smallestStorage } from "./storage-model";

type Kind = "BranchStart" | "BranchPoint" | "GcCutOff" | "BranchEnd" | "LeasePoint" | "LeaseStart" | "LeaseEnd";

interface Point {
  readonly timeline: Timeline;
  readonly kind: Kind;
  readonly lsn: Lsn;
  readonly needed: boolean;
  parent: Point | undefined;
}

/** Where a snapshot might be cheaper than the WAL up to there. */
const SNAPSHOTS: ReadonlySet<Kind> = new Set(["BranchPoint", "GcCutOff", "LeasePoint"]);

/** What a tenant's history costs at least, as GET synthetic_size shows it. Counts the sizes of snapshots anew. */
export async function syntheticSize(tenant: Tenant): Promise<unknown> {
  const timelines = [...tenant.timelines.values()].filter(
    ({ state, archivedAt }) => state === "Active" && archivedAt === undefined,
  );
  const cutoffs = new Map<Timeline, Lsn>();
  for (const timeline of timelines) cutoffs.set(timeline, await planned(timeline));
  const points = timelines.flatMap((timeline) => pointsOf(timeline, timelines, cutoffs.get(timeline) ?? 0n));
  for (const point of points) point.parent ??= parentOf(point, points);
  const segments = await Promise.all(points.map((point) => segmentOf(tenant, point, points)));
  const { total, sizes } = smallestStorage(segments);
  return {
    id: tenant.id.tenantId,
    size: total,
    segment_sizes: sizes,
    inputs: {
      segments: segments.map((segment, index) => ({
        segment,
        timeline_id: points[index]?.timeline.timelineId,
        kind: points[index]?.kind,
      })),
      timeline_inputs: timelines.map((timeline) => timelineInput(timeline, cutoffs.get(timeline) ?? 0n)),
    },
  };
}

/** What pitr_interval lets go of. gc_horizon keeps more, but nobody has asked for that. */
const planned = async (timeline: Timeline): Promise<Lsn> => (await gcCutoffs(timeline, 0)).pitr;

const startOf = (timeline: Timeline): Lsn => timeline.ancestor?.lsn ?? timeline.initdbLsn;

/** A lease on what the timeline has from its ancestor is none of its own. */
const leasesOf = (timeline: Timeline): Lsn[] =>
  timeline.leases.held().filter((lsn) => lsn > (timeline.ancestor?.lsn ?? 0n));

function pointsOf(timeline: Timeline, all: readonly Timeline[], cutoff: Lsn): Point[] {
  const start = startOf(timeline);
  const needed = cutoff <= start;
  const points: Point[] = [{ timeline, kind: "BranchStart", lsn: start, needed, parent: undefined }];
  const branches = all.flatMap(({ ancestor }) => (ancestor?.timeline === timeline ? [ancestor.lsn] : []));
  const inner: { kind: Kind; lsn: Lsn }[] = [...new Set(branches)].map((lsn) => ({ kind: "BranchPoint", lsn }));
  for (const lsn of leasesOf(timeline)) inner.push({ kind: "LeasePoint", lsn });
  if (cutoff > start) inner.push({ kind: "GcCutOff", lsn: cutoff });
  inner.push({ kind: "BranchEnd", lsn: timeline.lastRecordLsn });
  let last = points.at(-1);
  for (const { kind, lsn } of inner.toSorted((a, b) => Number(a.lsn - b.lsn))) {
    // What lies behind the cutoff is history that somebody may want; a branch start before it is not.
    const isNeeded = kind === "BranchEnd" || lsn > cutoff;
    last = { timeline, kind, lsn, needed: isNeeded, parent: last };
    points.push(last);
    if (kind === "LeasePoint") points.push(...leasedFrom(last));
  }
  return points;
}

/** A lease is a branch that nobody writes to. */
function leasedFrom(point: Point): Point[] {
  const start: Point = { ...point, kind: "LeaseStart", parent: point };
  return [start, { ...point, kind: "LeaseEnd", needed: true, parent: start }];
}

/** A branch's start follows from the point of its ancestor where it branched off. */
function parentOf(point: Point, points: readonly Point[]): Point | undefined {
  const { ancestor } = point.timeline;
  if (point.kind !== "BranchStart" || ancestor === undefined) return undefined;
  return points.find(
    ({ timeline, kind, lsn }) => timeline === ancestor.timeline && kind === "BranchPoint" && lsn === ancestor.lsn,
  );
}

async function segmentOf(tenant: Tenant, point: Point, points: readonly Point[]): Promise<Segment> {
  const isSnapshot = SNAPSHOTS.has(point.kind) || (point.parent === undefined && point.needed);
  return {
    parent: point.parent === undefined ? null : points.indexOf(point.parent),
    lsn: Number(point.lsn),
    size: isSnapshot ? await countLogicalSizeAt(point.timeline, tenant.node.images, point.lsn) : null,
    needed: point.needed,
  };
}

function timelineInput(timeline: Timeline, cutoff: Lsn): unknown {
  return {
    timeline_id: timeline.timelineId,
    ancestor_id: timeline.ancestor?.timeline.timelineId ?? null,
    ancestor_lsn: Lsn.format(timeline.ancestor?.lsn ?? 0n),
    last_record: Lsn.format(timeline.lastRecordLsn),
    latest_gc_cutoff: Lsn.format(timeline.latestGcCutoffLsn),
    next_pitr_cutoff: Lsn.format(cutoff),
    retention_param_cutoff: null,
    lease_points: leasesOf(timeline).map(Lsn.format),
  };
}

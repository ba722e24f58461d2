import { failpoint, sleepAt } from "../../service";
import { Lsn } from "../../../types";
import { lsnBefore } from "../timeline/commit-times";
import { cutoffOf, type GcCounts, judgeLayers, NO_GC } from "../timeline/gc-rules";
import { replaceLayers } from "../timeline/replace-layers";
import type { Timeline } from "../timeline/timeline";
import type { Tenant } from "./tenant";

/** A replica that is further behind holds nothing. */
const MAX_STANDBY_LAG = 10n << 30n;

/** What PUT do_gc answers; `elapsed` in ms. */
export interface GcResult extends GcCounts {
  elapsed: number;
}

/**
 * Removes the layers of a timeline that no readable LSN needs. First nobody may read below the new cutoff, then an index
 * says so, then the layers go. `horizon` (bytes) is the tenant's gc_horizon unless given.
 */
export async function collectGarbage(tenant: Tenant, timeline: Timeline, horizon?: number): Promise<GcResult> {
  const begin = performance.now();
  await sleepAt("gc_iteration_internal_after_getting_gc_timelines", timeline.cancelled);
  if (tenant.awaitsLeases) {
    timeline.log.info("Skipping GC because lsn lease deadline is not reached");
    return { ...NO_GC, elapsed: 0 };
  }
  const blocked = [...tenant.timelines.values()].find(({ gcBlocking }) => gcBlocking !== undefined);
  if (blocked !== undefined) {
    timeline.log.info(`Skipping GC: blocked by timeline ${blocked.timelineId}`);
    return { ...NO_GC, elapsed: 0 };
  }
  const bytes = horizon ?? timeline.conf().number("gc_horizon");
  // No branch may begin where something is about to be removed.
  timeline.plannedGcCutoffLsn = maxLsn(timeline.latestGcCutoffLsn, cutoffOf(await gcCutoffs(timeline, bytes)));
  await failpoint("before-timeline-gc", timeline.cancelled);
  const counts = await collect(tenant, timeline, bytes);
  return { ...counts, elapsed: Math.floor(performance.now() - begin) };
}

async function collect(tenant: Tenant, timeline: Timeline, horizon: number): Promise<GcCounts> {
  // From here to the move of the cutoff nothing may be awaited: a branch or lease could be made in between.
  const limits = await gcCutoffs(timeline, horizon);
  // What is not on disk yet would be received again after a crash, below the cutoff.
  limits.horizon = minLsn(limits.horizon, timeline.diskConsistentLsn);
  limits.horizon = minLsn(limits.horizon, replicasNeed(timeline, cutoffOf(limits)));
  const cutoff = cutoffOf(limits);
  if (cutoff <= timeline.latestGcCutoffLsn) return { ...NO_GC };
  const pins = { ...limits, branches: branchPoints(tenant, timeline), leases: timeline.leases.held() };
  const { counts, removable } = judgeLayers(timeline.layers.indexed(), pins);
  timeline.latestGcCutoffLsn = cutoff;
  await replaceLayers(timeline, { added: [], removed: removable });
  timeline.log.info(`GC removed ${removable.length} layers, cutoff ${Lsn.format(cutoff)}`);
  return counts;
}

/** What replicas have replayed and so may read; a replica that says nothing until the next collection counts no more. */
function replicasNeed(timeline: Timeline, cutoff: Lsn): Lsn {
  const horizon = timeline.standbyHorizon ?? cutoff;
  timeline.standbyHorizon = undefined;
  return cutoff - horizon < MAX_STANDBY_LAG ? horizon : cutoff;
}

/**
 * What gc_horizon (in bytes) and pitr_interval let go of. Where there is an interval it alone decides, as soon as something
 * is older; while all is younger nothing is let go of.
 */
export async function gcCutoffs(timeline: Timeline, bytes: number): Promise<{ horizon: Lsn; pitr: Lsn }> {
  await failpoint("Timeline::find_gc_cutoffs-pausable", timeline.cancelled);
  timeline.cancelled.throwIfAborted();
  const horizon = timeline.lastRecordLsn - BigInt(bytes);
  const interval = timeline.conf().milliseconds("pitr_interval");
  if (interval === 0) return { horizon, pitr: timeline.lastRecordLsn };
  const pitr = await lsnBefore(timeline, BigInt(Date.now() - interval) * 1000n);
  timeline.cancelled.throwIfAborted();
  return pitr === undefined ? { horizon, pitr: timeline.latestGcCutoffLsn } : { horizon: pitr, pitr };
}

const minLsn = (a: Lsn, b: Lsn): Lsn => (a < b ? a : b);
const maxLsn = (a: Lsn, b: Lsn): Lsn => (a > b ? a : b);

function branchPoints(tenant: Tenant, timeline: Timeline): Lsn[] {
  const branches = [...tenant.timelines.values()].flatMap(({ ancestor, deletedAt }) =>
    ancestor?.timeline === timeline && deletedAt === undefined ? [ancestor.lsn] : [],
  );
  const offloaded = [...tenant.offloaded.values()].flatMap(({ ancestorTimelineId, ancestorRetainLsn }) =>
    ancestorTimelineId === timeline.timelineId && ancestorRetainLsn !== undefined ? [ancestorRetainLsn] : [],
  );
  return [...offloaded, ...branches, ...[...timeline.branchPoints].map(({ lsn }) => lsn)];
}

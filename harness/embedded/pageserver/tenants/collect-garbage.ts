import { failpoint, sleepAt } from "../../service";
import { Lsn } from "../../../types";
import { lsnBefore } from "../timeline/commit-times";
import { cutoffOf, type GcCounts, judgeLayers, NO_GC } from "../timeline/gc-rules";
import { replaceLayers } from "../timeline/replace-layers";
import type { Timeline } from "../timeline/timeline";
import type { Tenant } from "./tenant";

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
  const cutoff = cutoffOf(limits);
  if (cutoff <= timeline.latestGcCutoffLsn) return { ...NO_GC };
  const pins = { ...limits, branches: branchPoints(tenant, timeline), leases: timeline.leases.held() };
  const { counts, removable } = judgeLayers(timeline.layers.indexed(), pins);
  timeline.latestGcCutoffLsn = cutoff;
  await replaceLayers(timeline, { added: [], removed: removable });
  timeline.log.info(`GC removed ${removable.length} layers, cutoff ${Lsn.format(cutoff)}`);
  return counts;
}

/** What gc_horizon (in bytes) and pitr_interval let go of. */
export async function gcCutoffs(timeline: Timeline, horizon: number): Promise<{ horizon: Lsn; pitr: Lsn }> {
  const pitr = await pitrCutoff(timeline);
  timeline.cancelled.throwIfAborted();
  return { horizon: timeline.lastRecordLsn - BigInt(horizon), pitr };
}

/** Up to where pitr_interval lets go of the history: the last record for no interval, nothing while all is younger. */
async function pitrCutoff(timeline: Timeline): Promise<Lsn> {
  await failpoint("Timeline::find_gc_cutoffs-pausable", timeline.cancelled);
  const interval = timeline.conf().milliseconds("pitr_interval");
  if (interval === 0) return timeline.lastRecordLsn;
  return (await lsnBefore(timeline, BigInt(Date.now() - interval) * 1000n)) ?? timeline.latestGcCutoffLsn;
}

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

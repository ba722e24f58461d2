import { errorText } from "../../service";
import { evictLayer } from "../layers/evict-layer";
import type { Layer } from "../layers/layer";
import { stats } from "../stats";
import type { TenantManager } from "../tenants/tenant-manager";
import type { Timeline } from "../timeline/timeline";

interface Usage {
  readonly evict_bytes: number;
  readonly freed_bytes: number;
}

interface Candidate {
  readonly timeline: Timeline;
  readonly layer: Layer;
  /** Whether the tenant would keep less on this disk than it is promised without this layer. */
  readonly withinMinimum: boolean;
}

const lastUse = (layer: Layer): number => Math.max(layer.accessTime, layer.residenceTime);

/** Layers that could go, those used least recently first; what tenants are promised to keep comes last. */
function candidates(manager: TenantManager): Candidate[] {
  const all: Candidate[] = [];
  for (const tenant of manager.all().filter(({ isAttached }) => isAttached)) {
    const layers = [...tenant.timelines.values()].flatMap((timeline) =>
      timeline.layers
        .indexed()
        .filter((layer) => layer.resident)
        .map((layer) => ({ timeline, layer })),
    );
    const largest = layers.reduce((most, { layer }) => Math.max(most, layer.fileSize), 0);
    const minimum = tenant.effectiveConf.number("min_resident_size_override") || largest;
    let kept = 0;
    for (const each of layers.toSorted((a, b) => lastUse(b.layer) - lastUse(a.layer))) {
      all.push({ ...each, withinMinimum: kept < minimum });
      kept += each.layer.fileSize;
    }
  }
  return all.toSorted(
    (a, b) => Number(a.withinMinimum) - Number(b.withinMinimum) || lastUse(a.layer) - lastUse(b.layer),
  );
}

/** Evicts layers of any tenant until so many bytes are free, as PUT disk_usage_eviction/run answers it. */
export async function evictForDiskUsage(manager: TenantManager, evictBytes: number): Promise<unknown> {
  if (evictBytes <= 0) return "NoPressure";
  const order = candidates(manager);
  const chosen: Candidate[] = [];
  let planned = 0;
  for (const candidate of order) {
    if (planned >= evictBytes) break;
    chosen.push(candidate);
    planned += candidate.layer.fileSize;
  }
  const respecting = chosen.filter(({ withinMinimum }) => !withinMinimum);
  const freedBy = (some: readonly Candidate[]): number => some.reduce((sum, { layer }) => sum + layer.fileSize, 0);
  const failed = { file_sizes: 0, count: 0 };
  for (const { timeline, layer } of chosen) {
    try {
      if (await evictLayer(timeline, layer)) stats.evictions.forDiskUsage += 1;
    } catch (error) {
      timeline.log.warn(`failed to evict layer ${layer.fileName}: ${errorText(error)}`);
      failed.file_sizes += layer.fileSize;
      failed.count += 1;
    }
  }
  const usage = (freed: number): Usage => ({ evict_bytes: evictBytes, freed_bytes: freed });
  return {
    Finished: {
      before: usage(0),
      planned: {
        respecting_tenant_min_resident_size: usage(freedBy(respecting)),
        fallback_to_global_lru: respecting.length === chosen.length ? null : usage(planned),
      },
      assumed: { projected_after: usage(planned - failed.file_sizes), failed },
    },
  };
}

import type { Lsn } from "../../../types";
import type { Layer } from "../layers/layer";

/** LSNs that must stay readable. */
export interface GcPins {
  /** What gc_horizon, and what pitr_interval alone would let go of: everything from the lower one on stays readable. */
  readonly horizon: Lsn;
  readonly pitr: Lsn;
  readonly branches: readonly Lsn[];
  readonly leases: readonly Lsn[];
}

/** Below this nothing is promised but branch points and leases. */
export const cutoffOf = (pins: Pick<GcPins, "horizon" | "pitr">): Lsn =>
  pins.horizon < pins.pitr ? pins.horizon : pins.pitr;

/** Neon's counters of one garbage collection, in its order. */
export interface GcCounts {
  layers_total: number;
  layers_needed_by_cutoff: number;
  layers_needed_by_pitr: number;
  layers_needed_by_branches: number;
  layers_needed_by_leases: number;
  layers_not_updated: number;
  layers_removed: number;
}

export const NO_GC: Readonly<GcCounts> = {
  layers_total: 0,
  layers_needed_by_cutoff: 0,
  layers_needed_by_pitr: 0,
  layers_needed_by_branches: 0,
  layers_needed_by_leases: 0,
  layers_not_updated: 0,
  layers_removed: 0,
};

type Verdict = Exclude<keyof GcCounts, "layers_total">;

/** Decides about every layer. What a position needs is the nearest image at or below it and the deltas in between. */
export function judgeLayers(layers: readonly Layer[], pins: GcPins): { counts: GcCounts; removable: Layer[] } {
  const counts: GcCounts = { ...NO_GC, layers_total: layers.length };
  const removable: Layer[] = [];
  for (const layer of layers) {
    const verdict = judge(layer, layers, pins);
    counts[verdict] += 1;
    if (verdict === "layers_removed") removable.push(layer);
  }
  return { counts, removable };
}

function judge(layer: Layer, layers: readonly Layer[], pins: GcPins): Verdict {
  const end = layer.name.kind === "image" ? layer.name.lsn + 1n : (layer.walRange?.end ?? 0n);
  const needed = (lsn: Lsn): boolean => isNeededAt(lsn, layer, layers);
  if (end > pins.horizon) return "layers_needed_by_cutoff";
  if (end > pins.pitr) return "layers_needed_by_pitr";
  if (pins.branches.some(needed)) return "layers_needed_by_branches";
  if (pins.leases.some(needed)) return "layers_needed_by_leases";
  // No newer image has made it superfluous yet.
  return needed(cutoffOf(pins)) ? "layers_not_updated" : "layers_removed";
}

function isNeededAt(lsn: Lsn, layer: Layer, layers: readonly Layer[]): boolean {
  const base = baseBelow(layers, lsn);
  if (layer.name.kind === "image") return layer.name.lsn === base;
  const range = layer.walRange;
  return range !== undefined && range.start < lsn && (base === undefined || range.end > base);
}

/** LSN of the nearest image; undefined when the ancestor has it. */
function baseBelow(layers: readonly Layer[], lsn: Lsn): Lsn | undefined {
  let best: Lsn | undefined;
  for (const { name } of layers) {
    if (name.kind === "image" && name.lsn <= lsn && (best === undefined || name.lsn > best)) best = name.lsn;
  }
  return best;
}

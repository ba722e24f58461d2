/** A point in a tenant's history, reached from its parent by WAL. LSNs and sizes in bytes. */
export interface Segment {
  readonly parent: number | null;
  readonly lsn: number;
  /** Of all relations at this point; null where it is not known, so that no snapshot can be thought of there. */
  readonly size: number | null;
  /** Whether everything behind this point must be readable. */
  readonly needed: boolean;
}

export type SegmentMethod = "SnapshotHere" | "Wal" | "Skipped";

export interface SegmentSize {
  method: SegmentMethod;
  /** What this point and all that follows from it cost. */
  accum_size: number;
}

interface Plan extends SegmentSize {
  readonly id: number;
  readonly children: readonly Plan[];
}

/** The cheapest way to a point and what follows, if its parent is at hand and if it is not. */
interface Ways {
  readonly withParent: Plan;
  readonly alone: Plan | undefined;
}

const sum = (plans: readonly Plan[]): number => plans.reduce((total, plan) => total + plan.accum_size, 0);

/** The least storage that keeps every needed point readable: snapshots at some points, WAL between others. */
export function smallestStorage(segments: readonly Segment[]): { total: number; sizes: SegmentSize[] } {
  const sizes = segments.map((): SegmentSize => ({ method: "Skipped", accum_size: 0 }));
  const fill = (plan: Plan): void => {
    sizes[plan.id] = { method: plan.method, accum_size: plan.accum_size };
    plan.children.forEach(fill);
  };
  let total = 0;
  for (const [id, segment] of segments.entries()) {
    if (segment.parent !== null) continue;
    const { alone } = waysTo(id, segments);
    if (alone === undefined) continue;
    fill(alone);
    total += alone.accum_size;
  }
  return { total, sizes };
}

function waysTo(id: number, segments: readonly Segment[]): Ways {
  const segment = segments[id];
  if (segment === undefined) throw new Error(`no segment ${id}`);
  const following = segments.flatMap((other, index) => (other.parent === id ? [waysTo(index, segments)] : []));
  const reached = following.map(({ withParent }) => withParent);
  const plan = (method: SegmentMethod, own: number, children: readonly Plan[]): Plan => {
    return { id, method, children, accum_size: own + sum(children) };
  };
  const since = segment.parent === null ? 0 : segment.lsn - (segments[segment.parent]?.lsn ?? 0);
  const wal = plan("Wal", since, reached);
  const maySnapshot = (!segment.needed || segment.parent === null) && segment.size !== null;
  const here = maySnapshot ? plan("SnapshotHere", segment.size ?? 0, reached) : undefined;
  const alones = following.flatMap(({ alone }) => alone ?? []);
  const later = !segment.needed && alones.length === following.length ? plan("Skipped", 0, alones) : undefined;
  const alone = here === undefined || (later !== undefined && later.accum_size <= here.accum_size) ? later : here;
  const withParent = alone === undefined || wal.accum_size < alone.accum_size ? wal : alone;
  return { withParent, alone };
}

import { errorText } from "../../service";
import { compact, type CompactionFlags, isFarFromImage, wantsCompaction } from "../timeline/compact";
import type { Timeline } from "../timeline/timeline";
import { collectGarbage, type GcResult } from "./collect-garbage";
import type { Tenant } from "./tenant";

const CHECK_MS = 1000;
const FIRST_RETRY_MS = 10_000;

/** When a timeline's turns in the background were. */
interface Turns {
  compaction: number;
  gc: number;
  /** After a failure nothing is tried before this time. */
  pausedUntil: number;
  busy: boolean;
}

/** Compaction and garbage collection of all timelines: one at a time, for each of them costs a CPU. */
export class Maintenance {
  readonly #tenants: () => readonly Tenant[];
  readonly #turns = new WeakMap<Timeline, Turns>();
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(tenants: () => readonly Tenant[]) {
    this.#tenants = tenants;
  }

  /** Begins to look after the timelines by their tenants' settings. */
  start(): void {
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  compact(tenant: Tenant, timeline: Timeline, flags: CompactionFlags): Promise<void> {
    return this.#inTurn(timeline, () => compact(timeline, tenant.node.images, flags));
  }

  collectGarbage(tenant: Tenant, timeline: Timeline, horizon?: number): Promise<GcResult> {
    return this.#inTurn(timeline, () => collectGarbage(tenant, timeline, horizon));
  }

  /** Rejects at once when the timeline leaves this node. */
  #inTurn<T>(timeline: Timeline, work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => {
      timeline.cancelled.throwIfAborted();
      return timeline.runJob(work);
    });
    this.#last = turn.catch(() => undefined);
    return orAborted(turn, timeline.cancelled);
  }

  #check(): void {
    for (const tenant of this.#tenants()) {
      // A node that may have been replaced must not change what its successor sees.
      if (tenant.state !== "Active" || tenant.conf.mode !== "AttachedSingle") continue;
      for (const timeline of tenant.timelines.values()) {
        if (timeline.state === "Active") this.#checkTimeline(tenant, timeline);
      }
    }
  }

  #checkTimeline(tenant: Tenant, timeline: Timeline): void {
    const now = Date.now();
    const turns = this.#turns.get(timeline) ?? { compaction: now, gc: now, pausedUntil: 0, busy: false };
    this.#turns.set(timeline, turns);
    if (turns.busy || now < turns.pausedUntil) return;
    if (isCompactionDue(timeline, now - turns.compaction)) {
      turns.compaction = now;
      this.#background(timeline, turns, "Compaction", () =>
        this.compact(tenant, timeline, { forceImage: false, forceL0: false }),
      );
    } else if (isGcDue(timeline, now - turns.gc)) {
      turns.gc = now;
      this.#background(timeline, turns, "Gc", () => this.collectGarbage(tenant, timeline));
    }
  }

  #background(timeline: Timeline, turns: Turns, name: string, work: () => Promise<unknown>): void {
    turns.busy = true;
    work()
      .catch((error: unknown) => {
        if (timeline.cancelled.aborted) return;
        turns.pausedUntil = Date.now() + FIRST_RETRY_MS;
        timeline.log.error(`${name} failed, retrying in ${FIRST_RETRY_MS / 1000}s: ${errorText(error)}`);
      })
      .finally(() => (turns.busy = false));
  }
}

/** A period of zero switches the background off; a long stretch of WAL does not wait for the period's end. */
function isCompactionDue(timeline: Timeline, elapsedMs: number): boolean {
  const period = timeline.conf().milliseconds("compaction_period");
  if (period === 0) return false;
  return isFarFromImage(timeline) || (elapsedMs >= period && wantsCompaction(timeline));
}

function isGcDue(timeline: Timeline, elapsedMs: number): boolean {
  const period = timeline.conf().milliseconds("gc_period");
  return period > 0 && elapsedMs >= period;
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error("Shutting down"));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

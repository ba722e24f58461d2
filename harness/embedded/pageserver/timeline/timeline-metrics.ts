import { Counter, Histogram, type Registry } from "prom-client";
import { TenantShardId, type TimelineId } from "../../../types";

/** What page_service was asked, by Neon's names of the kinds. */
export type SmgrQueryType =
  "get_rel_exists" | "get_rel_size" | "get_page_at_lsn" | "get_db_size" | "get_slru_segment" | "test";

const TIMELINE_LABELS = ["tenant_id", "shard_id", "timeline_id"] as const;
const QUERY_LABELS = [...TIMELINE_LABELS, "smgr_query_type"] as const;

/** The labels that name a timeline in Neon's metrics. */
export type TimelineLabels = Record<(typeof TIMELINE_LABELS)[number], string>;

export const timelineLabelNames: readonly (keyof TimelineLabels)[] = TIMELINE_LABELS;

export function timelineLabels(shardId: TenantShardId, timelineId: TimelineId): TimelineLabels {
  const shard = TenantShardId.format(shardId).split("-")[1] ?? "0000";
  return { tenant_id: shardId.tenantId, shard_id: shard, timeline_id: timelineId };
}

/** The series that all timelines share; each has its own labels in them. */
export class QuerySeries {
  readonly started: Counter<(typeof QUERY_LABELS)[number]>;
  readonly seconds: Histogram<(typeof QUERY_LABELS)[number]>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.started = new Counter({
      name: "pageserver_smgr_query_started_count",
      help: "Requests that page_service began to answer",
      labelNames: QUERY_LABELS,
      registers,
    });
    this.seconds = new Histogram({
      name: "pageserver_smgr_query_seconds",
      help: "Time spent on answering requests of page_service",
      labelNames: QUERY_LABELS,
      buckets: [0.0001, 0.001, 0.01, 0.1, 1, 10],
      registers,
    });
  }
}

/** What is counted of one timeline; it vanishes with the timeline. */
export class TimelineMetrics {
  walRecords = 0;
  evictions = 0;
  readonly labels: TimelineLabels;
  readonly #series: QuerySeries;
  readonly #types = new Set<SmgrQueryType>();

  constructor(series: QuerySeries, labels: TimelineLabels) {
    this.#series = series;
    this.labels = labels;
  }

  /** Counts a query as started; call the result when it has been answered. */
  startQuery(type: SmgrQueryType): () => void {
    const labels = { ...this.labels, smgr_query_type: type };
    this.#types.add(type);
    this.#series.started.inc(labels);
    const begin = performance.now();
    return () => {
      if (this.#types.has(type)) this.#series.seconds.observe(labels, (performance.now() - begin) / 1000);
    };
  }

  remove(): void {
    for (const type of this.#types) {
      const labels = { ...this.labels, smgr_query_type: type };
      this.#series.started.remove(labels);
      this.#series.seconds.remove(labels);
    }
    this.#types.clear();
  }
}

import { Counter, type Registry } from "prom-client";
import { TenantShardId, type TimelineId } from "../../../types";
import { Observations, summedHistogram } from "../../service/summed-histogram";

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

const BOUNDS = [0.0001, 0.001, 0.01, 0.1, 1, 10] as const;

class Query {
  started = 0;
  readonly seconds = new Observations(BOUNDS);
}

/** What is counted of one timeline; it vanishes with the timeline. */
export class TimelineMetrics {
  walRecords = 0;
  evictions = 0;
  readonly labels: TimelineLabels;
  readonly queries = new Map<SmgrQueryType, Query>();
  readonly #series: QuerySeries;

  constructor(series: QuerySeries, labels: TimelineLabels) {
    this.#series = series;
    this.labels = labels;
    series.timelines.add(this);
  }

  /** Counts a query as started; call the result when it has been answered. */
  startQuery(type: SmgrQueryType): () => void {
    const query = this.#query(type);
    query.started += 1;
    const begin = performance.now();
    return () => query.seconds.observe((performance.now() - begin) / 1000);
  }

  /** One that has been answered since `begin`, by `performance.now()`. */
  countQuery(type: SmgrQueryType, begin: number): void {
    const query = this.#query(type);
    query.started += 1;
    query.seconds.observe((performance.now() - begin) / 1000);
  }

  remove(): void {
    this.#series.timelines.delete(this);
  }

  #query(type: SmgrQueryType): Query {
    let query = this.queries.get(type);
    if (query === undefined) this.queries.set(type, (query = new Query()));
    return query;
  }
}

/** The series of all timelines; each has its own labels in them. */
export class QuerySeries {
  readonly timelines = new Set<TimelineMetrics>();

  constructor(registry: Registry) {
    const started: Counter<(typeof QUERY_LABELS)[number]> = new Counter({
      name: "pageserver_smgr_query_started_count",
      help: "Requests that page_service began to answer",
      labelNames: QUERY_LABELS,
      registers: [registry],
      collect: () => {
        started.reset();
        for (const { labels, query } of this.#queries()) started.inc(labels, query.started);
      },
    });
    summedHistogram(registry, {
      name: "pageserver_smgr_query_seconds",
      help: "Time spent on answering requests of page_service",
      bounds: BOUNDS,
      series: () => this.#queries().map(({ labels, query }) => ({ labels, observations: query.seconds })),
    });
  }

  #queries() {
    return [...this.timelines].flatMap(({ labels, queries }) =>
      [...queries].map(([type, query]) => ({ labels: { ...labels, smgr_query_type: type }, query })),
    );
  }
}

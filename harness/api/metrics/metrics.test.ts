import { expect, test } from "vitest";
import { parseMetrics } from "./parse";

// The forms that real nodes send.
const SCRAPE = `# HELP libmetrics_tracing_event_count Number of tracing events, by level
# TYPE libmetrics_tracing_event_count counter
libmetrics_tracing_event_count{level="error"} 0
libmetrics_tracing_event_count{level="info"} 63
# TYPE pageserver_page_cache_read_hits_total counter
pageserver_page_cache_read_hits_total{page_kind="immutable"} 7
# TYPE pageserver_remote_physical_size gauge
pageserver_remote_physical_size{tenant_id="11",shard_id="0000",timeline_id="22"} 23240704
# TYPE pageserver_wait_lsn_seconds histogram
pageserver_wait_lsn_seconds_bucket{shard_id="0001",le="0.1"} 1
pageserver_wait_lsn_seconds_bucket{shard_id="0001",le="+Inf"} 2
pageserver_wait_lsn_seconds_sum{shard_id="0001"} 1.5
pageserver_wait_lsn_seconds_count{shard_id="0001"} 2
pageserver_wait_lsn_seconds_bucket{shard_id="0101",le="0.1"} 4
pageserver_wait_lsn_seconds_bucket{shard_id="0101",le="+Inf"} 4
pageserver_wait_lsn_seconds_sum{shard_id="0101"} 0.25
pageserver_wait_lsn_seconds_count{shard_id="0101"} 4
# TYPE libmetrics_build_info gauge
libmetrics_build_info{build_tag="a \\"b\\" \\\\ c\\nd}",revision="x"} 1
odd_infinity{} -Inf
this line is not a sample
`;

const metrics = parseMetrics(SCRAPE);

test("a counter without _total on the wire is found under both names", () => {
  const info = { level: "info" };
  expect(metrics.value("libmetrics_tracing_event_count", info)).toBe(63);
  expect(metrics.value("libmetrics_tracing_event_count_total", info)).toBe(63);
  expect(metrics.type("libmetrics_tracing_event_count_total")).toBe("counter");
  expect(metrics.total("libmetrics_tracing_event_count_total")).toBe(63);
});

test("a counter with _total on the wire keeps its one name", () => {
  expect(metrics.value("pageserver_page_cache_read_hits_total")).toBe(7);
  expect(metrics.value("pageserver_page_cache_read_hits")).toBeUndefined();
});

test("a gauge has no second name", () => {
  expect(metrics.value("pageserver_remote_physical_size")).toBe(23240704);
  expect(metrics.value("pageserver_remote_physical_size_total")).toBeUndefined();
});

test("several samples are an error for value(), and a sum for total()", () => {
  expect(() => metrics.value("pageserver_wait_lsn_seconds_count")).toThrow("ambiguous: 2 samples");
  expect(metrics.total("pageserver_wait_lsn_seconds_count")).toBe(6);
  expect(metrics.total("no_such_metric")).toBe(0);
});

test("a histogram has sum, count and buckets, of one series or of all", () => {
  expect(metrics.histogram("pageserver_wait_lsn_seconds", { shard_id: "0001" })).toEqual({
    sum: 1.5,
    count: 2,
    buckets: [
      { le: 0.1, count: 1 },
      { le: Infinity, count: 2 },
    ],
  });
  expect(metrics.histogram("pageserver_wait_lsn_seconds")).toMatchObject({
    sum: 1.75,
    count: 6,
    buckets: [{ le: 0.1, count: 5 }, { count: 6 }],
  });
  expect(metrics.histogram("no_such_histogram")).toBeUndefined();
});

test("labels are unescaped, and what is no sample is passed over", () => {
  expect(metrics.all("libmetrics_build_info")[0]?.labels).toEqual({ build_tag: 'a "b" \\ c\nd}', revision: "x" });
  expect(metrics.value("odd_infinity")).toBe(-Infinity);
  expect(metrics.samples).toHaveLength(14);
});

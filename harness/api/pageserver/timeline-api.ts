import { Lsn } from "../../types";
import type { TimelineId } from "../../types";
import { tenantPath, timelinePath } from "../ids";
import type { AnyTenantId } from "../ids";
import type { CallOptions } from "../http/client";
import { PageserverTenantApi } from "./tenant-api";
import type {
  DetachAncestorAnswer,
  LsnByTimestamp,
  NewTimeline,
  TimelineDetailOptions,
  TimelineInfo,
  TimelineLsn,
  TimelinesAndOffloaded,
} from "./timeline-types";

const detailQuery = (options: TimelineDetailOptions) => ({
  "include-non-incremental-logical-size": options.includeNonIncrementalLogicalSize,
  "force-await-initial-logical-size": options.forceAwaitInitialLogicalSize,
});

/** A timeline's life: creation, state, positions, archive and deletion. */
export abstract class PageserverTimelineApi extends PageserverTenantApi {
  listTimelines(id: AnyTenantId, options: TimelineDetailOptions = {}, call: CallOptions = {}): Promise<TimelineInfo[]> {
    return this.http.json(`${tenantPath(id)}/timeline`, { ...call, query: detailQuery(options) });
  }

  listTimelinesAndOffloaded(id: AnyTenantId, call: CallOptions = {}): Promise<TimelinesAndOffloaded> {
    return this.http.json(`${tenantPath(id)}/timeline_and_offloaded`, call);
  }

  /** 404 for a timeline that is offloaded, too. */
  timelineDetail(
    id: AnyTenantId,
    timelineId: TimelineId,
    options: TimelineDetailOptions = {},
    call: CallOptions = {},
  ): Promise<TimelineInfo> {
    return this.http.json(timelinePath(id, timelineId), { ...call, query: detailQuery(options) });
  }

  /** One of the timeline's positions; where it has none yet the answer is Lsn.INVALID. */
  async timelineLsn(id: AnyTenantId, timelineId: TimelineId, field: TimelineLsn, call: CallOptions = {}): Promise<Lsn> {
    const text = (await this.timelineDetail(id, timelineId, {}, call))[field];
    return text === null ? Lsn.INVALID : Lsn.parse(text);
  }

  lastRecordLsn(id: AnyTenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<Lsn> {
    return this.timelineLsn(id, timelineId, "last_record_lsn", call);
  }

  diskConsistentLsn(id: AnyTenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<Lsn> {
    return this.timelineLsn(id, timelineId, "disk_consistent_lsn", call);
  }

  /** Up to where the index in remote storage goes. */
  remoteConsistentLsn(id: AnyTenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<Lsn> {
    return this.timelineLsn(id, timelineId, "remote_consistent_lsn", call);
  }

  /**
   * The same as safekeepers are told it: as far as the storage controller has confirmed the generation. Neon asks it
   * every 10 s, and at flushDeletionQueue().
   */
  remoteConsistentLsnVisible(id: AnyTenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<Lsn> {
    return this.timelineLsn(id, timelineId, "remote_consistent_lsn_visible", call);
  }

  /** Answers when local state and the remote index are durable. The same request again gives the same answer. */
  createTimeline(id: AnyTenantId, timeline: NewTimeline, call: CallOptions = {}): Promise<TimelineInfo> {
    return this.http.json(`${tenantPath(id)}/timeline`, {
      timeoutMs: 60_000,
      ...call,
      method: "POST",
      body: timeline,
    });
  }

  /** Starts the deletion; it is done when `timelineDetail` answers 404. */
  async deleteTimeline(id: AnyTenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<void> {
    await this.http.send(timelinePath(id, timelineId), { ...call, method: "DELETE" });
  }

  /** `timestamp` may have more than the milliseconds of a Date, so RFC 3339 text is taken too. */
  lsnByTimestamp(
    id: AnyTenantId,
    timelineId: TimelineId,
    timestamp: Date | string,
    options: { withLease?: boolean } = {},
    call: CallOptions = {},
  ): Promise<LsnByTimestamp> {
    const text = typeof timestamp === "string" ? timestamp : timestamp.toISOString();
    const query = { timestamp: text, with_lease: options.withLease };
    return this.http.json(`${timelinePath(id, timelineId)}/get_lsn_by_timestamp`, { ...call, query });
  }

  /** RFC 3339 text; 404 where no commit is known at or before the LSN. */
  timestampOfLsn(id: AnyTenantId, timelineId: TimelineId, lsn: Lsn, call: CallOptions = {}): Promise<string> {
    const query = { lsn: Lsn.format(lsn) };
    return this.http.json(`${timelinePath(id, timelineId)}/get_timestamp_of_lsn`, { ...call, query });
  }

  /** Keeps the LSN readable for a while; below the GC cutoff Neon answers 500. */
  leaseLsn(
    id: AnyTenantId,
    timelineId: TimelineId,
    lsn: Lsn,
    call: CallOptions = {},
  ): Promise<{ valid_until: string }> {
    const body = { lsn: Lsn.format(lsn) };
    return this.http.json(`${timelinePath(id, timelineId)}/lsn_lease`, { ...call, method: "POST", body });
  }

  async setArchivalState(
    id: AnyTenantId,
    timelineId: TimelineId,
    state: "Archived" | "Unarchived",
    call: CallOptions = {},
  ): Promise<void> {
    const path = `${timelinePath(id, timelineId)}/archival_config`;
    await this.http.send(path, { ...call, method: "PUT", body: { state } });
  }

  /** Lets go of an archived timeline's local state. */
  async offloadTimeline(id: AnyTenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<void> {
    this.need("testing", "offload a timeline");
    await this.http.send(`${timelinePath(id, timelineId)}/offload`, { ...call, method: "PUT", body: {} });
  }

  detachAncestor(
    id: AnyTenantId,
    timelineId: TimelineId,
    options: { rewriteConcurrency?: number; copyConcurrency?: number } = {},
    call: CallOptions = {},
  ): Promise<DetachAncestorAnswer> {
    const query = { rewrite_concurrency: options.rewriteConcurrency, copy_concurrency: options.copyConcurrency };
    const path = `${timelinePath(id, timelineId)}/detach_ancestor`;
    return this.http.json(path, { timeoutMs: 120_000, ...call, method: "PUT", query });
  }

  /** Keeps the archive of the initdb in remote storage when the timeline goes. */
  async preserveInitdbArchive(id: AnyTenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<void> {
    await this.http.send(`${timelinePath(id, timelineId)}/preserve_initdb_archive`, { ...call, method: "POST" });
  }
}

import { Lsn } from "../../types";
import type { TenantId, TimelineId } from "../../types";
import type { CallOptions } from "../http/client";
import { timelinePath } from "../ids";
import type { ControlFile } from "./debug-dump";
import { SafekeeperNodeApi } from "./node-api";
import type {
  Membership,
  NewSafekeeperTimeline,
  SafekeeperLsn,
  SafekeeperTimelineInfo,
  SafekeeperTimelineStatus,
  TimelineDeleted,
} from "./types";

/** The safekeeper's HTTP API at this revision (neon-protocols §3.2). */
export class SafekeeperClient extends SafekeeperNodeApi {
  listTimelines(call: CallOptions = {}): Promise<{ tenant_id: TenantId; timeline_id: TimelineId }[]> {
    return this.http.json("/v1/tenant/timeline", call);
  }

  async createTimeline(timeline: NewSafekeeperTimeline, call: CallOptions = {}): Promise<void> {
    await this.http.send("/v1/tenant/timeline", { ...call, method: "POST", body: timeline });
  }

  timelineStatus(
    tenantId: TenantId,
    timelineId: TimelineId,
    call: CallOptions = {},
  ): Promise<SafekeeperTimelineStatus> {
    return this.exactJson(timelinePath(tenantId, timelineId), call);
  }

  async timelineLsn(
    tenantId: TenantId,
    timelineId: TimelineId,
    field: SafekeeperLsn,
    call: CallOptions = {},
  ): Promise<Lsn> {
    return Lsn.parse((await this.timelineStatus(tenantId, timelineId, call))[field]);
  }

  flushLsn(tenantId: TenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<Lsn> {
    return this.timelineLsn(tenantId, timelineId, "flush_lsn", call);
  }

  commitLsn(tenantId: TenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<Lsn> {
    return this.timelineLsn(tenantId, timelineId, "commit_lsn", call);
  }

  /** With `onlyLocal` remote storage keeps what it has. A timeline that is not there is no error. */
  deleteTimeline(
    tenantId: TenantId,
    timelineId: TimelineId,
    options: { onlyLocal?: boolean } = {},
    call: CallOptions = {},
  ): Promise<TimelineDeleted> {
    const query = { only_local: options.onlyLocal };
    return this.http.json(timelinePath(tenantId, timelineId), { ...call, method: "DELETE", query });
  }

  /** Deletes all timelines of the tenant; what became of each, by its id. */
  deleteTenant(tenantId: TenantId, call: CallOptions = {}): Promise<Record<string, TimelineDeleted>> {
    return this.http.json(`/v1/tenant/${tenantId}`, { ...call, method: "DELETE" });
  }

  /** Copies the timeline from the most advanced of these safekeepers; an existing one is an error 500. */
  pullTimeline(
    request: { tenant_id: TenantId; timeline_id: TimelineId; http_hosts: string[] },
    call: CallOptions = {},
  ): Promise<{ safekeeper_host: string }> {
    return this.http.json("/v1/pull_timeline", { timeoutMs: 120_000, ...call, method: "POST", body: request });
  }

  /** A tar archive with the timeline's files, made for the safekeeper with the id `destination`. */
  async snapshot(
    tenantId: TenantId,
    timelineId: TimelineId,
    destination: number,
    call: CallOptions = {},
  ): Promise<Buffer> {
    const path = `${timelinePath(tenantId, timelineId)}/snapshot/${destination}`;
    return (await this.http.send(path, { timeoutMs: 120_000, ...call })).body;
  }

  /** Goes over to a newer membership; an older one changes nothing. */
  switchMembership(
    tenantId: TenantId,
    timelineId: TimelineId,
    membership: Membership,
    call: CallOptions = {},
  ): Promise<{ previous_conf: Membership; current_conf: Membership }> {
    const path = `${timelinePath(tenantId, timelineId)}/membership`;
    return this.http.json(path, { ...call, method: "POST", body: membership });
  }

  /** Copies the WAL up to `untilLsn` into a new timeline. */
  async copyTimeline(
    tenantId: TenantId,
    timelineId: TimelineId,
    copy: { targetTimelineId: TimelineId; untilLsn: Lsn },
    call: CallOptions = {},
  ): Promise<void> {
    const body = { target_timeline_id: copy.targetTimelineId, until_lsn: Lsn.format(copy.untilLsn) };
    const path = `${timelinePath(tenantId, timelineId)}/copy`;
    await this.http.send(path, { timeoutMs: 120_000, ...call, method: "POST", body });
  }

  /** Sets the fields named by `apply_fields` in the control file. */
  patchControlFile(
    tenantId: TenantId,
    timelineId: TimelineId,
    patch: { updates: Record<string, unknown>; apply_fields: string[] },
    call: CallOptions = {},
  ): Promise<{ old_control_file: ControlFile; new_control_file: ControlFile }> {
    const path = `${timelinePath(tenantId, timelineId)}/control_file`;
    return this.exactJson(path, { ...call, method: "PATCH", body: patch });
  }

  /** Writes the control file now. */
  async checkpoint(tenantId: TenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<void> {
    await this.http.send(`${timelinePath(tenantId, timelineId)}/checkpoint`, { ...call, method: "POST" });
  }

  /** A hash of the WAL in this range, for comparing safekeepers. */
  digest(
    tenantId: TenantId,
    timelineId: TimelineId,
    range: { fromLsn: Lsn; untilLsn: Lsn },
    call: CallOptions = {},
  ): Promise<{ sha256: string }> {
    const query = { from_lsn: Lsn.format(range.fromLsn), until_lsn: Lsn.format(range.untilLsn) };
    return this.http.json(`${timelinePath(tenantId, timelineId)}/digest`, { ...call, query });
  }

  /** Forgets which partial segments were uploaded; what it forgot. */
  resetPartialBackup(tenantId: TenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<unknown> {
    const path = `${timelinePath(tenantId, timelineId)}/backup_partial_reset`;
    return this.http.json(path, { ...call, method: "POST", body: {} });
  }

  /** Goes to `term`, or to the next one. */
  bumpTerm(
    tenantId: TenantId,
    timelineId: TimelineId,
    options: { term?: number } = {},
    call: CallOptions = {},
  ): Promise<{ previous_term: number; current_term: number }> {
    const path = `${timelinePath(tenantId, timelineId)}/term_bump`;
    return this.http.json(path, { ...call, method: "POST", body: { term: options.term ?? null } });
  }

  /** Pretends to be a peer that tells of its position. */
  async recordSafekeeperInfo(
    tenantId: TenantId,
    timelineId: TimelineId,
    info: SafekeeperTimelineInfo,
    call: CallOptions = {},
  ): Promise<void> {
    const path = `/v1/record_safekeeper_info/${tenantId}/${timelineId}`;
    await this.http.send(path, { ...call, method: "POST", body: info });
  }
}

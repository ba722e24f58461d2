import { Lsn } from "../../../types";
import { badRequest, failpoint, type HttpRequest, type HttpService, internal } from "../../service";
import type { TenantManager } from "../tenants/tenant-manager";
import type { Timeline } from "../timeline/timeline";
import { parseLsn, timelineOf } from "./parameters";

const TIMELINE = "/v1/tenant/:tenant_shard_id/timeline/:timeline_id";

/** Garbage collection and what holds it back. */
export function addGcRoutes(http: HttpService, manager: TenantManager): void {
  http.route("PUT", `${TIMELINE}/do_gc`, (request) => doGc(manager, request));
  http.route("POST", `${TIMELINE}/block_gc`, (request) => setGcBlocking(timelineOf(manager, request).timeline, true));
  http.route("POST", `${TIMELINE}/unblock_gc`, (request) =>
    setGcBlocking(timelineOf(manager, request).timeline, false),
  );
  http.route("POST", `${TIMELINE}/lsn_lease`, (request) => leaseLsn(manager, request));
}

/** Remembered in remote storage, so that it holds after a restart and on another node, too. */
async function setGcBlocking(timeline: Timeline, isBlocked: boolean): Promise<void> {
  if ((timeline.gcBlocking !== undefined) === isBlocked) return;
  timeline.gcBlocking = isBlocked
    ? { started_at: new Date().toISOString().slice(0, -1), reasons: ["Manual"] }
    : undefined;
  timeline.scheduleUpload([]);
  await timeline.remoteClient.waitCompletion();
}

async function doGc(manager: TenantManager, request: HttpRequest): Promise<unknown> {
  const { tenant, timeline } = timelineOf(manager, request);
  const { gc_horizon: horizon } = await request.json<{ gc_horizon?: unknown }>();
  if (horizon !== undefined && horizon !== null && (typeof horizon !== "number" || horizon < 0)) {
    throw badRequest("Failed to parse json request: invalid gc_horizon");
  }
  await failpoint("immediate_gc_task_pre");
  return manager.maintenance.collectGarbage(tenant, timeline, horizon ?? undefined);
}

async function leaseLsn(manager: TenantManager, request: HttpRequest): Promise<unknown> {
  const { timeline } = timelineOf(manager, request);
  const body = await request.json<{ lsn?: unknown }>();
  if (typeof body.lsn !== "string") throw badRequest("Failed to parse json request: missing field `lsn`");
  const lsn = parseLsn(body.lsn);
  const cutoff = timeline.latestGcCutoffLsn;
  if (lsn < cutoff && !timeline.leases.holds(lsn)) {
    const at = Lsn.format(lsn);
    throw internal(
      `invalid lsn lease request at ${at}: tried to request a page version that was garbage collected. ` +
        `requested at ${at} gc cutoff ${Lsn.format(cutoff)}`,
    );
  }
  const validUntil = timeline.leases.make(lsn, timeline.conf().milliseconds("lsn_lease_length"));
  return { valid_until: new Date(validUntil).toISOString() };
}

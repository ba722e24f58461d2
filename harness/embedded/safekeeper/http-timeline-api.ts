import { Readable } from "node:stream";
import { Lsn, type TenantId, TimelineId } from "../../types";
import { badRequest, errorText, HttpReply, type HttpRequest, type HttpService, internal } from "../service";
import type { MembershipConf } from "./acceptor-state";
import { copyTimeline } from "./admin/copy-timeline";
import { type PullRequest, pullTimeline } from "./admin/pull-timeline";
import { snapshotOf } from "./admin/snapshot";
import { type ControlFileBody, controlFileBody, parseControlFileBody } from "./control-file";
import type { Timeline } from "./timeline";
import type { TimelineMap } from "./timeline-map";

export interface TimelineApiParts {
  readonly http: HttpService;
  readonly timelines: TimelineMap;
  readonly nodeId: number;
  /** Shown to other safekeepers. */
  readonly token: string | undefined;
  /** The timeline that a request's path names; 404 when there is none. */
  readonly existing: (request: HttpRequest) => Timeline;
}

const TIMELINE = "/v1/tenant/:tenant_id/timeline/:timeline_id";

/** Moving, copying and repairing timelines (neon-protocols §3.2). */
export function addTimelineApi({ http, timelines, nodeId, token, existing }: TimelineApiParts): void {
  http.route("POST", "/v1/pull_timeline", async (request) =>
    pullTimeline(timelines, await request.json<PullRequest>(), { nodeId, token }),
  );
  http.route("GET", `${TIMELINE}/snapshot/:destination`, (request) => {
    const destination = Number(request.params["destination"]);
    if (!Number.isSafeInteger(destination)) throw badRequest(`invalid destination ${request.params["destination"]}`);
    const stream = Readable.from(snapshotOf(existing(request), destination), { objectMode: false });
    return new HttpReply(200, stream, "application/octet-stream");
  });
  http.route("POST", `${TIMELINE}/copy`, async (request) => {
    const source = existing(request);
    const body = await request.json<{ target_timeline_id: string; until_lsn: string }>();
    const target = parsed(() => TimelineId.parse(body.target_timeline_id));
    const { tenantId }: { tenantId: TenantId } = source.id;
    const until = parsed(() => Lsn.parse(body.until_lsn));
    await copyTimeline(timelines, source, { tenantId, timelineId: target }, until);
  });
  http.route("POST", `${TIMELINE}/membership`, async (request) => {
    const timeline = existing(request);
    const next = await request.json<MembershipConf>();
    if (typeof next.generation !== "number")
      throw badRequest("Failed to parse json request: missing field `generation`");
    const { previous, current } = await timeline.switchMembership(next);
    return { previous_conf: previous, current_conf: current };
  });
  http.route("PATCH", `${TIMELINE}/control_file`, (request) => patchControlFile(existing(request), request));
  http.route("POST", `${TIMELINE}/backup_partial_reset`, (request) => resetPartialBackup(existing(request)));
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw badRequest(errorText(error));
  }
}

async function patchControlFile(timeline: Timeline, request: HttpRequest): Promise<unknown> {
  const { updates, apply_fields: fields } = await request.json<{
    updates: Record<string, unknown>;
    apply_fields: string[];
  }>();
  let [before, after]: (ControlFileBody | undefined)[] = [];
  await timeline.patch((content) => {
    before = controlFileBody(content.state, content.progress);
    const patched: Record<string, unknown> = { ...before };
    for (const field of fields) {
      if (!Object.hasOwn(updates, field)) throw internal(`key not found in request.updates: ${field}`);
      if (!Object.hasOwn(patched, field)) throw internal(`key not found in original object: ${field}`);
      patched[field] = updates[field];
    }
    after = patched as unknown as ControlFileBody;
    return parseControlFileBody(after);
  });
  return { old_control_file: before, new_control_file: after };
}

/** Forgets, and removes, what was uploaded of the last segment. */
async function resetPartialBackup(timeline: Timeline): Promise<unknown> {
  await timeline.ensureResident();
  const segments = timeline.progress.partialSegments;
  await timeline.patch((content) => ({ ...content, progress: { ...content.progress, partialSegments: [] } }));
  for (const { name } of segments) await timeline.remote?.removePartial(name);
  return segments.map(({ name }) => name);
}

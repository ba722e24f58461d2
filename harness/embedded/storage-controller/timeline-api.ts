import { ApiError, HttpReply, type HttpRequest, type HttpService, pause, unavailable } from "../service";
import type { Controller } from "./controller";
import { type NodeRecord, shardText } from "./model";
import type { PageserverReply } from "./pageserver-api";
import { parseTenantId } from "./shards";

interface Attachment {
  shard: string;
  node: NodeRecord;
}

type TimelineCreateRequest = Record<string, unknown> & { new_timeline_id: string; ancestor_timeline_id?: string };

/** Polling a pageserver until a deleted timeline is gone. */
const DELETE_POLL_MS = 50;
const DELETE_BUDGET_MS = 25_000;

/** Where the tenant's shards are, shard zero first. 503 when one of them is nowhere. */
function attachments(controller: Controller, tenant: string | undefined): [Attachment, ...Attachment[]] {
  const attachmentOf = ({ record }: ReturnType<typeof controller.shards.all>[number]): Attachment => {
    if (record.attached === null || record.generation_pageserver !== record.attached) {
      throw unavailable("One or more shards in tenant is not yet attached");
    }
    return { shard: shardText(record), node: controller.nodes.get(record.attached).record };
  };
  const [zero, ...others] = controller.shards.ofTenant(parseTenantId(tenant));
  return [attachmentOf(zero), ...others.map(attachmentOf)];
}

function passOn(reply: PageserverReply): HttpReply {
  const launched = reply.headers["pageserver_launch_timestamp"];
  const headers: Record<string, string> = typeof launched === "string" ? { PAGESERVER_LAUNCH_TIMESTAMP: launched } : {};
  return new HttpReply(reply.status, reply.body, reply.headers["content-type"] ?? "application/json", headers);
}

/** Shard zero goes first; the others must branch, or start, exactly where it did. */
async function createTimeline(controller: Controller, tenant: string | undefined, body: TimelineCreateRequest) {
  const [zero, ...others] = attachments(controller, tenant);
  const create = (at: Attachment, what: TimelineCreateRequest) =>
    controller.api.require(at.node, { method: "POST", path: `/v1/tenant/${at.shard}/timeline`, body: what });
  const created = (await create(zero, body)) as { ancestor_lsn?: string | null };
  const following =
    body.ancestor_timeline_id === undefined
      ? { ...body, existing_initdb_timeline_id: body.new_timeline_id }
      : { ...body, ancestor_start_lsn: created.ancestor_lsn };
  await Promise.all(others.map((other) => create(other, following)));
  return new HttpReply(201, created);
}

/** One request asks for the deletion and, a little later, the next finds it done. */
async function deleteOnShard(controller: Controller, at: Attachment, timelineId: string): Promise<void> {
  const path = `/v1/tenant/${at.shard}/timeline/${timelineId}`;
  const deadline = performance.now() + DELETE_BUDGET_MS;
  while (performance.now() < deadline) {
    const reply = await controller.api.call(at.node, { method: "DELETE", path });
    if (reply.status === 404) return;
    if (reply.status >= 400 && reply.status !== 409) throw new ApiError(reply.status, errorMessage(reply));
    await pause(DELETE_POLL_MS);
  }
  throw unavailable(`Timed out waiting for timeline ${timelineId} to be deleted`);
}

function errorMessage(reply: PageserverReply): string {
  return (JSON.parse(reply.body.toString("utf8")) as { msg: string }).msg;
}

async function deleteTimeline(controller: Controller, params: Record<string, string>): Promise<void> {
  const [zero, ...others] = attachments(controller, params["tenant_id"]);
  const timelineId = params["timeline_id"] ?? "";
  await Promise.all(others.map((other) => deleteOnShard(controller, other, timelineId)));
  await deleteOnShard(controller, zero, timelineId);
}

/** The request's path and query with the tenant's id replaced by a shard's. */
function pathOn(at: Attachment, request: HttpRequest): string {
  const query = request.query.size === 0 ? "" : `?${request.query}`;
  return request.path.replace(/^\/v1\/tenant\/[^/]+/, `/v1/tenant/${at.shard}`) + query;
}

/** The same request to every shard; the answer is shard zero's. */
async function onEveryShard(controller: Controller, request: HttpRequest): Promise<unknown> {
  const bytes = await request.body();
  const body: unknown = bytes.length === 0 ? undefined : JSON.parse(bytes.toString("utf8"));
  const [answer] = await Promise.all(
    attachments(controller, request.params["tenant_id"]).map((at) =>
      controller.api.require(at.node, { method: request.method, path: pathOn(at, request), body }),
    ),
  );
  return answer;
}

async function passThrough(controller: Controller, request: HttpRequest): Promise<HttpReply> {
  const [zero] = attachments(controller, request.params["tenant_id"]);
  return passOn(await controller.api.call(zero.node, { method: "GET", path: pathOn(zero, request) }));
}

/** `/v1/tenant/:t/timeline…` and everything else that shard zero's pageserver can answer. */
export function addTimelineApi(http: HttpService, controller: Controller): void {
  http.route("POST", "/v1/tenant/:tenant_id/timeline", async (request) =>
    createTimeline(controller, request.params["tenant_id"], await request.json<TimelineCreateRequest>()),
  );
  http.route("DELETE", "/v1/tenant/:tenant_id/timeline/:timeline_id", ({ params }) =>
    deleteTimeline(controller, params),
  );
  const timeline = "/v1/tenant/:tenant_id/timeline/:timeline_id";
  http.route("PUT", `${timeline}/archival_config`, (request) => onEveryShard(controller, request));
  http.route("PUT", `${timeline}/detach_ancestor`, (request) => onEveryShard(controller, request));
  http.route("POST", `${timeline}/block_gc`, (request) => onEveryShard(controller, request));
  http.route("POST", `${timeline}/unblock_gc`, (request) => onEveryShard(controller, request));
  http.route("GET", "/v1/tenant/:tenant_id", (request) => passThrough(controller, request));
  http.route("GET", "/v1/tenant/:tenant_id/*", (request) => passThrough(controller, request));
}

import { Lsn, TenantId, TimelineId } from "../../types";
import {
  badRequest,
  errorText,
  HttpReply,
  type HttpRequest,
  HttpService,
  jsonText,
  type JwtAuth,
  type Logger,
  metricsRoute,
  notFound,
  putFailpoints,
} from "../service";
import type { MembershipConf, TenantTimelineId } from "./acceptor-state";
import { formatTtid, newAcceptorState, newProgress } from "./acceptor-state";
import { debugDump } from "./debug-dump";
import { walDigest } from "./digest";
import type { SafekeeperMetrics } from "./metrics";
import { addTimelineApi } from "./http-timeline-api";
import type { PeerInfo } from "./peers";
import { requirePermission, requireTenant } from "./permissions";
import { timelineStatus } from "./status";
import type { Timeline } from "./timeline";
import type { TimelineMap } from "./timeline-map";

export interface HttpApiOptions {
  log: Logger;
  nodeId: number;
  timelines: TimelineMap;
  metrics: SafekeeperMetrics;
  heartbeatTimeoutMs: number;
  auth: JwtAuth | undefined;
  /** Shown to other safekeepers. */
  peerToken: string | undefined;
  /** What debug_dump says under "config". */
  configDump: Record<string, unknown>;
}

interface CreateTimelineBody {
  tenant_id: string;
  timeline_id: string;
  mconf?: Partial<MembershipConf>;
  pg_version: number;
  system_id?: number | bigint | null;
  wal_seg_size?: number | null;
  start_lsn: string;
  commit_lsn?: string | null;
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw badRequest(errorText(error));
  }
}

function idOf(tenant: string | undefined, timeline: string | undefined): TenantTimelineId {
  return parsed(() => ({ tenantId: TenantId.parse(tenant ?? ""), timelineId: TimelineId.parse(timeline ?? "") }));
}

const requestedId = ({ params }: HttpRequest): TenantTimelineId => idOf(params["tenant_id"], params["timeline_id"]);

function lsnOf({ query }: HttpRequest, name: string): Lsn {
  const text = query.get(name);
  if (text === null) throw badRequest(`no ${name} specified in query parameters`);
  return parsed(() => Lsn.parse(text));
}

function newTimeline(body: CreateTimelineBody) {
  const id = idOf(body.tenant_id, body.timeline_id);
  const startLsn = parsed(() => Lsn.parse(body.start_lsn));
  const commitLsn = parsed(() => Lsn.parse(body.commit_lsn ?? body.start_lsn));
  if (!Number.isInteger(body.pg_version)) throw badRequest("missing field `pg_version`");
  if (commitLsn < startLsn) throw badRequest("commit_lsn is smaller than start_lsn");
  // What is not said here is taken from the first proposer's greeting.
  const server = {
    pgVersion: body.pg_version,
    systemId: BigInt(body.system_id ?? 0),
    walSegSize: body.wal_seg_size ?? 0,
  };
  // With a start of its history every proposer finds a point that it has in common with us.
  const termHistory = [{ term: 0n, lsn: startLsn }];
  const lsns = { timelineStartLsn: startLsn, localStartLsn: startLsn };
  const unknown = newAcceptorState(id);
  const state = { ...unknown, mconf: { ...unknown.mconf, ...body.mconf }, server, termHistory, ...lsns };
  return { state, progress: { ...newProgress(), commitLsn, backupLsn: startLsn, peerHorizonLsn: startLsn } };
}

interface PeerInfoBody {
  term?: number | null;
  last_log_term?: number | null;
  flush_lsn?: string;
  commit_lsn?: string;
  backup_lsn?: string;
  remote_consistent_lsn?: string;
  peer_horizon_lsn?: string;
  local_start_lsn?: string;
  standby_horizon?: string;
  safekeeper_connstr?: string | null;
  http_connstr?: string | null;
}

/** What a test says in another safekeeper's place; it has the id 0. */
function peerFrom(id: TenantTimelineId, body: PeerInfoBody): PeerInfo {
  const lsn = (text = "0/0"): Lsn => parsed(() => Lsn.parse(text));
  return {
    ...id,
    safekeeperId: 0,
    term: BigInt(body.term ?? 0),
    lastLogTerm: BigInt(body.last_log_term ?? 0),
    flushLsn: lsn(body.flush_lsn),
    commitLsn: lsn(body.commit_lsn),
    backupLsn: lsn(body.backup_lsn),
    remoteConsistentLsn: lsn(body.remote_consistent_lsn),
    peerHorizonLsn: lsn(body.peer_horizon_lsn),
    localStartLsn: lsn(body.local_start_lsn),
    standbyHorizon: lsn(body.standby_horizon),
    safekeeperConnstr: body.safekeeper_connstr ?? "",
    httpConnstr: body.http_connstr ?? "",
  };
}

const OPEN_PATHS = ["/v1/status", "/metrics", "/profile/cpu", "/profile/heap"];

/** The safekeeper's HTTP API (neon-protocols §3.2), as far as its parts exist. */
export function createHttpApi(options: HttpApiOptions): HttpService {
  const { timelines } = options;
  const http = new HttpService(options.log, {
    auth: options.auth,
    openPaths: OPEN_PATHS,
    authorize: requirePermission,
  });
  const existing = (request: HttpRequest): Timeline => {
    const id = requestedId(request);
    const timeline = timelines.get(id);
    if (timeline === undefined) throw notFound(`timeline ${formatTtid(id)} not found`);
    return timeline;
  };
  http.route("GET", "/v1/status", () => ({ id: options.nodeId }));
  http.route("PUT", "/v1/failpoints", putFailpoints);
  http.route("GET", "/v1/tenant/timeline", () =>
    timelines.all.map(({ id }) => ({ tenant_id: id.tenantId, timeline_id: id.timelineId })),
  );
  http.route("POST", "/v1/tenant/timeline", async (request) => {
    const content = newTimeline(await request.json<CreateTimelineBody>());
    requireTenant(request, content.state.tenantId);
    await timelines.create(content);
  });
  const onlyLocal = ({ query }: HttpRequest): boolean => query.get("only_local") === "true";
  http.route("DELETE", "/v1/tenant/:tenant_id", (request) =>
    timelines.deleteTenant(
      parsed(() => TenantId.parse(request.params["tenant_id"] ?? "")),
      { onlyLocal: onlyLocal(request) },
    ),
  );
  http.route("GET", "/v1/tenant/:tenant_id/timeline/:timeline_id", (request) =>
    timelineStatus(existing(request), options.heartbeatTimeoutMs),
  );
  http.route("DELETE", "/v1/tenant/:tenant_id/timeline/:timeline_id", (request) =>
    timelines.delete(requestedId(request), { onlyLocal: onlyLocal(request) }),
  );
  http.route("POST", "/v1/tenant/:tenant_id/timeline/:timeline_id/term_bump", async (request) => {
    const timeline = existing(request);
    const { term } = await request.json<{ term?: number | bigint | null }>();
    const { previous, current } = await timeline.bumpTerm(BigInt(term ?? timeline.state.term + 1n));
    return { previous_term: previous, current_term: current };
  });
  http.route("POST", "/v1/tenant/:tenant_id/timeline/:timeline_id/checkpoint", (request) =>
    existing(request).storeProgress(),
  );
  http.route("GET", "/v1/tenant/:tenant_id/timeline/:timeline_id/digest", (request) =>
    walDigest(existing(request), lsnOf(request, "from_lsn"), lsnOf(request, "until_lsn")),
  );
  http.route("POST", "/v1/record_safekeeper_info/:tenant_id/:timeline_id", async (request) => {
    existing(request).recordPeer(peerFrom(requestedId(request), await request.json<PeerInfoBody>()));
  });
  addTimelineApi({ http, timelines, nodeId: options.nodeId, token: options.peerToken, existing });
  http.route("GET", "/v1/debug_dump", async (request) => {
    // Neon streams it, and names no better type.
    return new HttpReply(200, jsonText(await debugDump(request.query, options)), "application/octet-stream");
  });
  metricsRoute(http, options.metrics.registry);
  return http;
}

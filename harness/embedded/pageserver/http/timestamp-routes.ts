import { Lsn } from "../../../types";
import { ApiError, badRequest, failpoint, type HttpRequest, type HttpService, internal, notFound } from "../../service";
import type { TenantManager } from "../tenants/tenant-manager";
import { commitTimes, lsnAt } from "../timeline/commit-times";
import { firstReadableLsn } from "../timeline/history";
import { flag, timelineOf } from "./parameters";

const TIMELINE = "/v1/tenant/:tenant_shard_id/timeline/:timeline_id";

/** From times to LSNs and back. */
export function addTimestampRoutes(http: HttpService, manager: TenantManager): void {
  http.route("GET", `${TIMELINE}/get_lsn_by_timestamp`, (request) => lsnByTimestamp(manager, request));
  http.route("GET", `${TIMELINE}/get_timestamp_of_lsn`, (request) => timestampOfLsn(manager, request));
}

async function lsnByTimestamp(manager: TenantManager, request: HttpRequest): Promise<unknown> {
  const { timeline } = timelineOf(manager, request);
  const text = request.query.get("timestamp");
  if (text === null) throw badRequest("no timestamp specified in query parameters");
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) throw badRequest(`Invalid time: "${text}"`);
  await failpoint("find-lsn-for-timestamp-pausable", timeline.cancelled);
  if (request.left.aborted) throw new ApiError(500, "Cancelled");
  const commits = await commitTimes(timeline, timeline.lastRecordLsn);
  // What a branch has from before its beginning is its ancestor's.
  const beginning = timeline.ancestor?.lsn ?? Lsn.INVALID;
  const first = beginning > timeline.latestGcCutoffLsn ? beginning : timeline.latestGcCutoffLsn;
  const { lsn, kind } = lsnAt(commits, microsOf(text, milliseconds), first);
  const answer = { lsn: Lsn.format(lsn), kind };
  if (!flag(request, "with_lease", false)) return answer;
  const validUntil = timeline.leases.make(lsn, timeline.conf().milliseconds("lsn_lease_length_for_ts"));
  return { ...answer, valid_until: new Date(validUntil).toISOString() };
}

/** Date.parse drops what is below a millisecond, but two commits may lie within one. */
function microsOf(text: string, milliseconds: number): bigint {
  const fraction = /\.(\d+)/.exec(text)?.[1]?.padEnd(6, "0").slice(3, 6) ?? "0";
  return BigInt(milliseconds) * 1000n + BigInt(fraction);
}

async function timestampOfLsn(manager: TenantManager, request: HttpRequest): Promise<string> {
  const { timeline } = timelineOf(manager, request);
  const text = request.query.get("lsn");
  if (text === null) throw badRequest("no lsn specified in query parameters");
  const asked = lsnInQuery(text);
  if (asked === Lsn.INVALID) throw internal("Invalid LSN");
  if (asked < firstReadableLsn(timeline)) throw internal(`could not find data for key at ${Lsn.format(asked)}`);
  // Beyond the end is the end.
  const lsn = asked < timeline.lastRecordLsn ? asked : timeline.lastRecordLsn;
  const commit = (await commitTimes(timeline, lsn)).findLast((candidate) => candidate.lsn <= lsn);
  if (commit === undefined) throw notFound(`Timestamp for lsn ${Lsn.format(lsn)} not found`);
  const milliseconds = new Date(Number(commit.micros / 1000n)).toISOString().slice(0, -1);
  return `${milliseconds}${String(commit.micros % 1000n).padStart(3, "0")}Z`;
}

/** Neon prints this one error with its cause, in Rust's debug format and over several lines. */
function lsnInQuery(text: string): Lsn {
  try {
    return Lsn.parse(text);
  } catch {
    throw new ApiError(400, `Error {\n    context: "Invalid LSN: \\"${text}\\"",\n    source: LsnParseError,\n}`);
  }
}

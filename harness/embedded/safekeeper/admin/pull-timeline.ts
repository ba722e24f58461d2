import { Lsn, TenantId, TimelineId } from "../../../types";
import { unpackTar } from "../../pg/unpack";
import { badRequest, errorText, internal, parseJson } from "../../service";
import type { TenantTimelineId } from "../acceptor-state";
import type { TimelineMap } from "../timeline-map";
import { bodyOf, getFromPeer } from "./peer-http";

export interface PullRequest {
  tenant_id: string;
  timeline_id: string;
  /** Base URLs of safekeepers that have the timeline. */
  http_hosts: string[];
}

interface PeerStatus {
  host: string;
  epoch: bigint;
  flushLsn: Lsn;
  commitLsn: Lsn;
}

/** Takes a timeline over from the most advanced of some safekeepers. 500 as Neon words what goes wrong. */
export async function pullTimeline(
  timelines: TimelineMap,
  request: PullRequest,
  options: { nodeId: number; token: string | undefined },
): Promise<{ safekeeper_host: string }> {
  const id = idOf(request);
  if (timelines.get(id) !== undefined) throw internal(`Timeline ${id.timelineId} already exists`);
  const statuses = await Promise.all(request.http_hosts.map((host) => statusOf(host, id, options.token)));
  const best = statuses.reduce<PeerStatus | undefined>((a, b) => (a === undefined || isAhead(b, a) ? b : a), undefined);
  if (best === undefined) throw badRequest("http_hosts is empty");
  const path = `/v1/tenant/${id.tenantId}/timeline/${id.timelineId}/snapshot/${options.nodeId}`;
  const snapshot = await getFromPeer(best.host, path, options.token);
  await timelines.adopt(id, async (directory) => {
    await unpackTar(snapshot as AsyncIterable<Buffer>, directory, new Set());
  });
  return { safekeeper_host: best.host };
}

function idOf(request: PullRequest): TenantTimelineId {
  try {
    return { tenantId: TenantId.parse(request.tenant_id), timelineId: TimelineId.parse(request.timeline_id) };
  } catch (error) {
    throw badRequest(errorText(error));
  }
}

async function statusOf(host: string, id: TenantTimelineId, token: string | undefined): Promise<PeerStatus> {
  try {
    const response = await getFromPeer(host, `/v1/tenant/${id.tenantId}/timeline/${id.timelineId}`, token);
    const status = parseJson(await bodyOf(response)) as {
      acceptor_state: { epoch: number | bigint };
      flush_lsn: string;
      commit_lsn: string;
    };
    return {
      host,
      epoch: BigInt(status.acceptor_state.epoch),
      flushLsn: Lsn.parse(status.flush_lsn),
      commitLsn: Lsn.parse(status.commit_lsn),
    };
  } catch (error) {
    throw internal(`fetching status from ${host}: ${errorText(error)}`);
  }
}

function isAhead(a: PeerStatus, b: PeerStatus): boolean {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch;
  if (a.flushLsn !== b.flushLsn) return a.flushLsn > b.flushLsn;
  return a.commitLsn > b.commitLsn;
}

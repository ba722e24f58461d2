import { Lsn } from "../../../types";
import type { PagestreamRequest } from "../../../wire";
import { LsnTimeoutError } from "../timeline/lsn-waiters";
import type { Timeline } from "../timeline/timeline";

/** An answer that the client gets as an Error message; the stream goes on. */
export class PagestreamError extends Error {}

/** The LSN at which a request is answered: waits for notModifiedSince, then at most the last record's (neon-protocols §4.1). */
export async function effectiveLsn(timeline: Timeline, request: PagestreamRequest): Promise<Lsn> {
  const { requestLsn, notModifiedSince } = request;
  if (requestLsn < notModifiedSince) {
    throw new PagestreamError(
      `Bad request: invalid request with request LSN ${Lsn.format(requestLsn)} ` +
        `and not_modified_since ${Lsn.format(notModifiedSince)}`,
    );
  }
  if (requestLsn === Lsn.INVALID) throw new PagestreamError("Bad request: invalid LSN(0) in request");
  try {
    await timeline.waitLsn(notModifiedSince);
  } catch (error) {
    if (error instanceof LsnTimeoutError) throw new PagestreamError(`LSN timeout: ${error.message}`);
    throw error;
  }
  const lsn = requestLsn < timeline.lastRecordLsn ? requestLsn : timeline.lastRecordLsn;
  if (lsn < timeline.latestGcCutoffLsn && !timeline.leases.holds(lsn)) throw new PagestreamError("Read error");
  return lsn;
}

/** The same where nothing has to be waited for and nothing is wrong; undefined otherwise. */
export function lsnAtOnce(timeline: Timeline, request: PagestreamRequest): Lsn | undefined {
  const { requestLsn, notModifiedSince } = request;
  const last = timeline.lastRecordLsn;
  if (requestLsn < notModifiedSince || requestLsn === Lsn.INVALID || notModifiedSince > last) return undefined;
  const lsn = requestLsn < last ? requestLsn : last;
  return lsn < timeline.latestGcCutoffLsn ? undefined : lsn;
}

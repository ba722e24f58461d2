import { Lsn, TenantShardId } from "../../types";
import { PgConnection } from "../../wire";
import { errorText, type HostPort, type Logger, pause } from "../service";
import type { ComputeSpec } from "./spec";

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 60_000;
/** How long before its end a lease is renewed, where it is long enough for that. */
const EARLY_MS = 60_000;

/**
 * Keeps the LSN of a read-only compute leased from every pageserver, so that garbage collection leaves it alone: renews in
 * time, and at once where `spec` names other pageservers. Ends with the signal, or when a lease is refused for good.
 */
export async function keepLeased(options: {
  /** The present specification, and a signal that is aborted when there is another one. */
  spec: () => { spec: ComputeSpec; changed: AbortSignal };
  lsn: Lsn;
  log: Logger;
  signal: AbortSignal;
}): Promise<void> {
  const { lsn, signal } = options;
  const log = options.log.span("lsn_lease_bg_task", { lsn: Lsn.format(lsn) });
  let retryMs = FIRST_RETRY_MS;
  while (!signal.aborted) {
    const { spec, changed } = options.spec();
    let waitMs = retryMs;
    try {
      const validUntil = await leaseEverywhere(spec, lsn, signal);
      if (validUntil === undefined) {
        return log.warn("Exited with error: Permanent error: lease could not be obtained, LSN is behind the GC cutoff");
      }
      const leftMs = Math.max(0, validUntil - Date.now());
      waitMs = Math.max(leftMs - EARLY_MS, leftMs / 2);
      retryMs = FIRST_RETRY_MS;
      log.info(`Request succeeded, sleeping for ${Math.round(waitMs / 1000)} seconds`);
    } catch (error) {
      if (signal.aborted) return;
      log.warn(`Failed to acquire lsn lease: ${errorText(error)}`);
      retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 1.5);
    }
    await pause(waitMs, AbortSignal.any([signal, changed]));
  }
}

/** When the first of the leases ends, in ms since 1970; undefined when a pageserver has collected the LSN already. */
async function leaseEverywhere(spec: ComputeSpec, lsn: Lsn, signal: AbortSignal): Promise<number | undefined> {
  const { tenantId, pageservers } = spec;
  const count = pageservers.length;
  const shardOf = (index: number) =>
    count === 1 ? tenantId : TenantShardId.format({ tenantId, shardNumber: index, shardCount: count });
  const leases = await Promise.all(
    pageservers.map((pageserver, index) =>
      lease(pageserver, `${shardOf(index)} ${spec.timelineId}`, spec, lsn, signal),
    ),
  );
  return leases.some((each) => each === undefined) ? undefined : Math.min(...leases.map((each) => each ?? 0));
}

async function lease(
  pageserver: HostPort,
  timeline: string,
  { storageAuthToken }: ComputeSpec,
  lsn: Lsn,
  signal: AbortSignal,
): Promise<number | undefined> {
  const password = storageAuthToken === undefined ? {} : { password: storageAuthToken };
  const connection = await PgConnection.connect({ ...pageserver, user: "cloud_admin", ...password, signal });
  try {
    const { rows } = await connection.query(`lease lsn ${timeline} ${Lsn.format(lsn)}`);
    const validUntil = rows[0]?.[0] ?? null;
    return validUntil === null ? undefined : Number(validUntil);
  } finally {
    connection.destroy();
  }
}

import { errorText, type Logger, pause, sleepAt } from "../../service";
import type { PageserverConfig } from "../config/config";
import type { LocationMode } from "../config/location-conf";
import { upcall } from "./upcall";

/** What the storage controller wants this node to have: `gen` is null for a secondary. */
export interface ReAttachTenant {
  readonly id: string;
  readonly gen: number | null;
  readonly mode?: LocationMode;
}

const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 500;

/** Asks the storage controller which tenants to attach, again and again until it answers or the signal aborts. */
export async function reAttach(
  config: PageserverConfig,
  controlPlaneApi: string,
  log: Logger,
  signal: AbortSignal,
): Promise<ReAttachTenant[]> {
  const body = { node_id: config.id, ...registration(config) };
  let waitMs = FIRST_RETRY_MS;
  for (;;) {
    try {
      await sleepAt("control-plane-client-re-attach", signal);
      const url = `${controlPlaneApi.replace(/\/$/, "")}/re-attach`;
      const answer = await upcall<{ tenants: ReAttachTenant[] }>(url, body, config.controlPlaneToken, signal);
      return answer.tenants;
    } catch (error) {
      if (signal.aborted) throw error;
      log.info(`re-attach failed, will try again: ${errorText(error)}`);
      await pause(waitMs, signal);
      waitMs = Math.min(waitMs * 2, LAST_RETRY_MS);
    }
  }
}

function registration(config: PageserverConfig): object {
  const node = config.metadata;
  if (node === undefined) return {};
  return {
    register: {
      node_id: config.id,
      listen_pg_addr: node.host,
      listen_pg_port: node.port,
      listen_http_addr: node.http_host,
      listen_http_port: node.http_port,
      availability_zone_id: node.availability_zone_id ?? config.availabilityZone ?? "",
    },
  };
}

import { request } from "node:http";
import { errorText, type Logger } from "../../service";
import type { PageserverConfig } from "../config/config";
import type { LocationMode } from "../config/location-conf";

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
  const url = `${controlPlaneApi.replace(/\/$/, "")}/re-attach`;
  const body = JSON.stringify({ node_id: config.id, ...registration(config) });
  let pause = FIRST_RETRY_MS;
  for (;;) {
    try {
      return (await post(url, body, config.controlPlaneToken, signal)).tenants;
    } catch (error) {
      if (signal.aborted) throw error;
      log.info(`re-attach failed, will try again: ${errorText(error)}`);
      await delay(pause, signal);
      pause = Math.min(pause * 2, LAST_RETRY_MS);
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

function post(
  url: string,
  body: string,
  token: string | undefined,
  signal: AbortSignal,
): Promise<{ tenants: ReAttachTenant[] }> {
  const headers = {
    "content-type": "application/json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  return new Promise((resolve, reject) => {
    const call = request(url, { method: "POST", headers, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}: ${text}`));
        try {
          resolve(JSON.parse(text) as { tenants: ReAttachTenant[] });
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    call.on("error", reject);
    call.end(body);
  });
}

function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((settle) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      settle();
    };
    const timer = setTimeout(finish, milliseconds);
    signal.addEventListener("abort", finish, { once: true });
    if (signal.aborted) finish();
  });
}

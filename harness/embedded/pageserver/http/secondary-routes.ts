import { TenantShardId } from "../../../types";
import { badRequest, HttpReply, type HttpRequest, type HttpService, notFound } from "../../service";
import type { Secondary } from "../tenants/secondary";
import type { TenantManager } from "../tenants/tenant-manager";
import { uploadHeatmap } from "../tenants/upload-heatmap";
import { shardIdOf, tenantOf } from "./parameters";

const TENANT = "/v1/tenant/:tenant_shard_id";

/** Warm copies of tenants, and the heatmaps by which they are kept. */
export function addSecondaryRoutes(http: HttpService, manager: TenantManager): void {
  http.route("POST", `${TENANT}/heatmap_upload`, (request) => uploadHeatmap(tenantOf(manager, request)));
  http.route("GET", `${TENANT}/secondary/status`, (request) => secondaryOf(manager, request).progress);
  http.route("POST", `${TENANT}/secondary/download`, (request) => download(manager, request));
}

function secondaryOf(manager: TenantManager, request: HttpRequest): Secondary {
  const key = TenantShardId.format(shardIdOf(request));
  const secondary = manager.find(key)?.secondary;
  if (secondary === undefined) throw notFound(`Shard ${key} not found`);
  return secondary;
}

/** 202 when it takes longer than `wait_ms`; it goes on then. */
async function download(manager: TenantManager, request: HttpRequest): Promise<HttpReply> {
  const secondary = secondaryOf(manager, request);
  const text = request.query.get("wait_ms");
  if (text !== null && !/^\d+$/.test(text)) throw badRequest("failed to parse wait_ms");
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    if (text !== null) timer = setTimeout(resolve, Number(text));
  });
  await Promise.race([secondary.download(), timeout]).finally(() => clearTimeout(timer));
  const { progress } = secondary;
  return new HttpReply(progress.layers_downloaded >= progress.layers_total ? 200 : 202, progress);
}

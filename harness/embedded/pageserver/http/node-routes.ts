import {
  badRequest,
  errorText,
  failpoint,
  HttpReply,
  type HttpRequest,
  type HttpService,
  type JwtAuth,
  type Logger,
  putFailpoints,
  unavailable,
} from "../../service";
import type { TenantManager } from "../tenants/tenant-manager";
import { utilization } from "../utilization";

/** Status and administration of the node as a whole. */
export function addNodeRoutes(http: HttpService, manager: TenantManager, auth: JwtAuth | undefined): void {
  const { config } = manager.node;
  http.route("GET", "/v1/status", () => ({ id: config.id }));
  http.route("PUT", "/v1/failpoints", putFailpoints);
  http.route("GET", "/v1/utilization", () => getUtilization(manager));
  http.route("POST", "/v1/reload_auth_validation_keys", () => reloadKeys(auth, manager.node.log));
  http.route("POST", "/v1/tracing/event", (request) => logEvent(request));
  http.route("PUT", "/v1/deletion_queue/flush", () => manager.node.deletions.flush());
}

/** Neon says no more of what went wrong than that the request was bad. */
async function reloadKeys(auth: JwtAuth | undefined, log: Logger): Promise<HttpReply> {
  if (auth === undefined) return new HttpReply(400, null);
  try {
    await auth.reload();
    return new HttpReply(200, null);
  } catch (error) {
    log.warn(`Error reloading public keys: ${errorText(error)}`);
    return new HttpReply(400, null);
  }
}

const LEVELS = ["trace", "debug", "info", "warn", "error"] as const;

/** Writes a line of the caller's into the log. */
async function logEvent(request: HttpRequest): Promise<null> {
  const { level, message } = await request.json<{ level?: unknown; message?: unknown }>();
  const known = LEVELS.find((name) => name === level);
  if (known === undefined) throw badRequest(`Failed to parse json request: unknown variant \`${String(level)}\``);
  request.log[known](String(message));
  return null;
}

async function getUtilization(manager: TenantManager): Promise<unknown> {
  if ((await failpoint("get-utilization-http-handler")) !== undefined) throw unavailable("failpoint");
  return utilization(manager);
}

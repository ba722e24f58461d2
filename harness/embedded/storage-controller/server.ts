import {
  createRegistry,
  type HostPort,
  type HttpRequest,
  HttpService,
  JwtAuth,
  metricsRoute,
  unavailable,
} from "../service";
import { addMetadataHealthApi } from "./metadata-health";
import { addSafekeeperApi } from "./safekeepers";
import { addControlApi } from "./control-api";
import { Controller, type ControllerOptions } from "./controller";
import { addDebugApi } from "./debug-api";
import { addControllerMetrics, RequestMetrics } from "./metrics";
import { requirePermission } from "./permissions";
import { addTenantApi } from "./tenant-api";
import { addTimelineApi } from "./timeline-api";
import { addUpcalls } from "./upcalls";

export interface StorageController {
  readonly port: number;
  close(): Promise<void>;
}

const OPEN_PATHS = ["/status", "/ready", "/metrics"];

/** Loads the state, listens, asks the known nodes how they are, and is then ready. */
export async function startStorageController(listen: HostPort, options: ControllerOptions): Promise<StorageController> {
  const controller = await Controller.load(options);
  let ready = false;
  const authorize = (request: HttpRequest): void => {
    requirePermission(request);
    if (controller.leadership !== "leader" && !OPEN_PATHS.includes(request.path)) {
      throw unavailable("Not ready: this storage controller has stepped down");
    }
  };
  const auth = options.publicKey === undefined ? undefined : JwtAuth.fromPem(options.publicKey);
  const registry = createRegistry();
  const requests = new RequestMetrics(registry);
  const http = new HttpService(options.log, {
    auth,
    openPaths: OPEN_PATHS,
    authorize,
    onAnswered: (answered) => requests.observe(answered),
  });
  http.route("GET", "/status", () => null);
  http.route("GET", "/ready", () => {
    if (!ready) throw unavailable("Startup reconciliation is not over");
    return null;
  });
  addControllerMetrics(registry, controller);
  metricsRoute(http, registry);
  addUpcalls(http, controller);
  addDebugApi(http, controller);
  addControlApi(http, controller);
  addSafekeeperApi(http, controller);
  addMetadataHealthApi(http, controller);
  addTenantApi(http, controller);
  addTimelineApi(http, controller);
  await http.listen(listen.host, listen.port);
  options.log.info(`Serving on ${listen.host}:${http.port}`);
  await controller.start();
  ready = true;
  options.log.info("Startup complete");
  return {
    port: http.port,
    close: async () => {
      await controller.stop();
      await http.close();
    },
  };
}

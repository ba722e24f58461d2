import type { HttpService, JwtAuth } from "../../service";
import type { TenantManager } from "../tenants/tenant-manager";
import { addGcRoutes } from "./gc-routes";
import { addLayerRoutes } from "./layer-routes";
import { addNodeRoutes } from "./node-routes";
import { addSecondaryRoutes } from "./secondary-routes";
import { addSizeRoutes } from "./size-routes";
import { addTenantConfigRoutes } from "./tenant-config-routes";
import { addTenantRoutes } from "./tenant-routes";
import { addTimeTravelRoute } from "./time-travel-route";
import { addTimelineRoutes } from "./timeline-routes";
import { addTimestampRoutes } from "./timestamp-routes";

/** Every route of the pageserver (neon-protocols §3.1). */
export function addRoutes(http: HttpService, manager: TenantManager, auth: JwtAuth | undefined): void {
  addNodeRoutes(http, manager, auth);
  addTenantConfigRoutes(http, manager);
  addTenantRoutes(http, manager);
  addSecondaryRoutes(http, manager);
  addTimelineRoutes(http, manager);
  addTimeTravelRoute(http, manager);
  addLayerRoutes(http, manager);
  addGcRoutes(http, manager);
  addTimestampRoutes(http, manager);
  addSizeRoutes(http, manager);
}

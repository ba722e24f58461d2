import { stringify } from "smol-toml";
import type { PortLease } from "../../ports";
import type { TenantId } from "../../types";

/** What `neon_local init --config` reads (neon-protocols §1.4). */
export interface NeonLocalConfig {
  default_tenant_id?: TenantId;
  control_plane_api: string;
  broker: { listen_addr: string };
  pageservers: Record<string, unknown>[];
  safekeepers: Record<string, unknown>[];
  [key: string]: unknown;
}

export const neonLocalConfigText = (config: NeonLocalConfig): string => stringify(config);

/** A configuration on leased ports. The controller's database takes the port above the controller's. */
export async function newNeonLocalConfig(
  ports: PortLease,
  options: { numPageservers?: number; numSafekeepers?: number; defaultTenantId?: TenantId } = {},
): Promise<NeonLocalConfig> {
  const controllerPort = await adjacentPorts(ports);
  const pageservers: Record<string, unknown>[] = [];
  for (let id = 1; id <= (options.numPageservers ?? 1); id += 1) {
    const [pg, http] = [await ports.next(), await ports.next()];
    const addresses = { listen_pg_addr: `localhost:${pg}`, listen_http_addr: `localhost:${http}` };
    const more = { pg_auth_type: "Trust", http_auth_type: "Trust", availability_zone: "us-east-2a", no_sync: true };
    pageservers.push({ id, ...addresses, ...more });
  }
  const safekeepers: Record<string, unknown>[] = [];
  for (let id = 1; id <= (options.numSafekeepers ?? 1); id += 1) {
    const [pg_port, pg_tenant_only_port, http_port] = [await ports.next(), await ports.next(), await ports.next()];
    safekeepers.push({ id, pg_port, pg_tenant_only_port, http_port, sync: false });
  }
  return {
    ...(options.defaultTenantId === undefined ? {} : { default_tenant_id: options.defaultTenantId }),
    control_plane_api: `http://127.0.0.1:${controllerPort}/upcall/v1`,
    broker: { listen_addr: `127.0.0.1:${await ports.next()}` },
    pageservers,
    safekeepers,
  };
}

/** The first of two ports that stand side by side. */
async function adjacentPorts(ports: PortLease): Promise<number> {
  for (let first = await ports.next(); ;) {
    const second = await ports.next();
    if (second === first + 1) return first;
    first = second;
  }
}

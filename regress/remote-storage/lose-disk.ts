import { rmSync } from "node:fs";
import { join } from "node:path";
import type { NeonEnv } from "../../fixtures";

/**
 * A machine that is lost: no handler runs, the disk is empty when the pageserver comes back, and the tenant is attached
 * anew. The storage controller finds out, too, and would attach it at the same time, in a higher generation.
 */
export async function loseDisk(env: NeonEnv): Promise<void> {
  env.storageController.allowedErrors.push(/Scheduling is disabled by policy Stop/);
  const controller = env.storageController.httpClient();
  await controller.setTenantPolicy(env.initialTenant, { scheduling: "Stop" });
  await env.pageserver.kill9();
  rmSync(join(env.pageserver.workdir, "tenants"), { recursive: true });
  await env.pageserver.start();
  await env.pageserver.tenantAttach(env.initialTenant);
  await controller.setTenantPolicy(env.initialTenant, { scheduling: "Active" });
}

import { rmSync } from "node:fs";
import { join } from "node:path";
import type { NeonEnv } from "../../fixtures";

/** A machine that is lost: no handler runs, the disk is empty when the pageserver comes back, and the tenant is attached anew. */
export async function loseDisk(env: NeonEnv): Promise<void> {
  await env.pageserver.kill9();
  rmSync(join(env.pageserver.workdir, "tenants"), { recursive: true });
  await env.pageserver.start();
  await env.pageserver.tenantAttach(env.initialTenant);
}

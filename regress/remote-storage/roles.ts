import type { NeonEnv, TenantId } from "../../fixtures";

/** Of two pageservers: where the tenant is attached, and the other one. */
export async function rolesOf(env: NeonEnv, tenant: TenantId) {
  const attached = await env.getTenantPageserver(tenant);
  const other = env.pageservers.find((each) => each !== attached);
  if (attached === undefined || other === undefined)
    throw new Error("the tenant is attached to none of two pageservers");
  return { attached, other };
}

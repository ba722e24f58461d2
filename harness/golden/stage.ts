import type { NeonEnv, NeonEnvBuilder } from "../env";
import type { Endpoint, Pageserver } from "../nodes";
import { HarnessError, TenantId, TimelineId } from "../types";

/** The environment that the recorded calls are made to, in the topology of the recording. */
export interface Stage {
  env: NeonEnv;
  endpoint: Endpoint;
  /** Where the tenant is at first. */
  pageserver: Pageserver;
  tenantId: TenantId;
  timelineId: TimelineId;
}

const TENANT = TenantId.parse("1".repeat(32));
const TIMELINE = TimelineId.parse("2".repeat(32));

/** Two pageservers, three safekeepers, and a compute on the recorded timeline, which is on the first pageserver. */
export async function startStage(builder: NeonEnvBuilder): Promise<Stage> {
  const ids = { initialTenant: TENANT, initialTimeline: TIMELINE };
  const env = await builder
    .with({ numPageservers: 2, numSafekeepers: 3, createInitialTenant: false, ...ids })
    .initStart();
  allowErrors(env);
  await schedule(env, 2, "Pause");
  await env.createInitialTenant();
  await schedule(env, 2, "Active");
  const endpoint = await env.endpoints.createStart("main", { id: "ep1" });
  const [pageserver] = env.pageservers;
  if (pageserver === undefined) throw new HarnessError("MISUSE", { summary: "the environment has no pageserver" });
  await env.waitForLastFlushLsn(endpoint, { pageserver });
  return { env, endpoint, pageserver, tenantId: TENANT, timelineId: TIMELINE };
}

/** Many recorded calls are bad on purpose, and nodes say so in their logs. */
function allowErrors(env: NeonEnv): void {
  for (const node of [env.storageController, ...env.pageservers]) node.allowedErrors.push(/./);
}

/** The tenant is created while the second pageserver takes none, so it lands where it was recorded. */
async function schedule(env: NeonEnv, nodeId: number, scheduling: "Active" | "Pause"): Promise<void> {
  const response = await fetch(`${env.storageController.url}/control/v1/node/${nodeId}/config`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ node_id: nodeId, scheduling }),
  });
  if (response.ok) return;
  throw new HarnessError("HTTP_ERROR", {
    summary: `the storage controller does not ${scheduling === "Pause" ? "pause" : "activate"} pageserver ${nodeId}`,
    found: `${response.status} ${await response.text()}`,
  });
}

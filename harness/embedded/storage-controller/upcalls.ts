import type { HttpService } from "../service";
import type { Controller } from "./controller";
import { shardText } from "./model";
import type { RegisterRequest } from "./nodes";
import { location } from "./reconciler";

interface ReAttachRequest {
  node_id: number;
  register?: RegisterRequest;
}

interface ValidateRequest {
  tenants: { id: string; gen: number }[];
}

/** A pageserver has started: it gets its shards, each in a new generation, stored before it hears of it. */
async function reAttach(controller: Controller, request: ReAttachRequest) {
  const { nodes, shards, store, heartbeats, log } = controller;
  if (request.register !== undefined) nodes.register(request.register);
  const node = nodes.find(request.node_id);
  if (node === undefined) return { tenants: [] };
  // It has been restarted, which is what it was drained for.
  if (["PauseForRestart", "Draining", "Filling"].includes(node.record.scheduling)) nodes.setScheduling(node, "Active");
  const attached = shards.all().filter(({ record }) => record.generation_pageserver === request.node_id);
  for (const shard of attached) {
    shard.record.generation += 1;
    shard.sequence += 1;
    shard.observed.set(request.node_id, location(shard.record, "AttachedSingle"));
  }
  const secondary = shards.all().filter(({ record }) => record.secondary.includes(request.node_id));
  const tenants = [
    ...attached.map(({ record }) => ({ id: shardText(record), gen: record.generation, mode: "AttachedSingle" })),
    ...secondary.map(({ record }) => ({ id: shardText(record), gen: null, mode: "Secondary" })),
  ];
  await store.save();
  log.info(`Node ${request.node_id} re-attached with ${tenants.length} tenant shards`);
  heartbeats.warmUp(node);
  return { tenants };
}

/** Which of these generations are still the current ones. Tenants that are not known are left out of the answer. */
function validate(controller: Controller, request: ValidateRequest) {
  return {
    tenants: request.tenants.flatMap(({ id, gen }) => {
      const shard = controller.shards.find(id);
      return shard === undefined ? [] : [{ id, valid: shard.record.generation === gen }];
    }),
  };
}

/** `/upcall/v1`: what pageservers ask of the controller. */
export function addUpcalls(http: HttpService, controller: Controller): void {
  http.route("POST", "/upcall/v1/re-attach", async (request) =>
    reAttach(controller, await request.json<ReAttachRequest>()),
  );
  http.route("POST", "/upcall/v1/validate", async (request) =>
    validate(controller, await request.json<ValidateRequest>()),
  );
}

import { badRequest, conflict, errorText, failAt, failpoint, internal, sleepAt } from "../service";
import type { Controller } from "./controller";
import { newShardRecord, shardIdOf, type ShardRecord, shardText } from "./model";
import { location } from "./reconciler";
import { schedule } from "./scheduler";
import { newShard, parseTenantId, type Shard } from "./shards";

export interface SplitTenantRequest {
  new_shard_count: number;
  new_stripe_size?: number | null;
}

interface Family {
  readonly parent: Shard;
  readonly children: readonly Shard[];
}

const fail = (name: string): Promise<void> => failAt(name, undefined, "failpoint");

/** Splits every shard of a tenant; answers with the new shards, also when that was done before. */
export async function splitTenant(controller: Controller, tenant: string | undefined, request: SplitTenantRequest) {
  if ((await failpoint("shard-split-validation")) !== undefined) throw badRequest("failpoint");
  const parents = controller.shards.ofTenant(parseTenantId(tenant));
  const count = request.new_shard_count;
  const present = parents[0].record.shard_count;
  if (present === count) return { new_shards: parents.map(({ record }) => shardText(record)) };
  checkCounts(parents, count);
  if (parents.some(({ record }) => record.splitting === true)) throw conflict("Tenant is already being split");
  await Promise.all(parents.map((parent) => parent.idle));
  const families = parents.map((parent) => ({ parent, children: childrenOf(parent.record, request) }));
  try {
    await begin(controller, families);
    await splitOnPageservers(controller, families, request);
    await finish(controller, families);
  } catch (error) {
    await abortSplit(controller, families);
    throw internal(errorText(error));
  }
  await failpoint("shard-split-post-complete");
  const children = families.flatMap((family) => family.children);
  await settle(controller, children);
  return { new_shards: children.map(({ record }) => shardText(record)) };
}

function checkCounts(parents: readonly Shard[], count: number): void {
  for (const { record } of parents) {
    const present = Math.max(1, record.shard_count);
    if (!Number.isInteger(count) || count < record.shard_count) {
      throw badRequest(`Requested count ${count} but already have shards at count ${record.shard_count}`);
    }
    if (count % present !== 0 || count > 255) throw badRequest(`Cannot split ${present} shards into ${count}`);
    if (record.attached === null || record.generation_pageserver !== record.attached) {
      throw badRequest("Cannot split a tenant that is not attached");
    }
  }
}

/** Records of the shards that a parent becomes; they are where it is, in its generation. */
function childrenOf(parent: ShardRecord, request: SplitTenantRequest): Shard[] {
  const id = shardIdOf(parent);
  const present = Math.max(1, parent.shard_count);
  return Array.from({ length: request.new_shard_count / present }, (_, index) => {
    const child = { ...id, shardNumber: id.shardNumber + index * present, shardCount: request.new_shard_count };
    const { generation, generation_pageserver, attached, placement_policy, scheduling_policy, config } = parent;
    const record = newShardRecord(child, {
      ...{ generation, generation_pageserver, attached, placement_policy, scheduling_policy, config },
      preferred_az_id: parent.preferred_az_id,
      shard_stripe_size: request.new_stripe_size ?? parent.shard_stripe_size,
      splitting: true,
    });
    return newShard(record);
  });
}

/** From here on a restart knows that what it finds on pageservers may be half of a split. */
async function begin({ store }: Controller, families: readonly Family[]): Promise<void> {
  for (const { parent } of families) parent.record.splitting = true;
  await store.save();
  await fail("shard-split-post-begin");
}

async function splitOnPageservers(
  { api, nodes }: Controller,
  families: readonly Family[],
  request: SplitTenantRequest,
): Promise<void> {
  for (const { parent, children } of families) {
    const node = nodes.get(parent.record.attached ?? -1).record;
    const path = `/v1/tenant/${shardText(parent.record)}/shard_split`;
    const answer = (await api.require(node, { method: "PUT", path, body: request })) as { new_shards: string[] };
    const expected = children.map(({ record }) => shardText(record));
    if (answer.new_shards.toSorted().join() !== expected.toSorted().join()) {
      throw new Error(
        `splitting ${shardText(parent.record)} on node ${node.id} produced ${answer.new_shards.join(", ")}`,
      );
    }
  }
  await fail("shard-split-post-remote");
  await sleepAt("shard-split-post-remote-sleep");
}

/** The children take their parents' place, in one write. */
async function finish({ shards, store, hook }: Controller, families: readonly Family[]): Promise<void> {
  for (const { parent, children } of families) {
    shards.remove(parent);
    for (const child of children) {
      delete child.record.splitting;
      child.pendingNotification = true;
      if (child.record.attached !== null) {
        child.observed.set(child.record.attached, location(child.record, "AttachedSingle"));
      }
      shards.put(child);
    }
  }
  hook.forget(families[0]?.parent.record.tenant_id ?? "");
  await store.save();
}

/** Copies for the children, and the computes told. That something of this fails does not undo the split. */
async function settle(controller: Controller, children: readonly Shard[]): Promise<void> {
  try {
    for (const { record } of children) schedule(record, controller.nodes, controller.shards);
    await controller.apply([...children]);
  } catch (error) {
    controller.log.info(`after a split: ${errorText(error)}`);
  }
}

/** The children go from the pageservers, and the parents are attached as before. */
async function abortSplit(controller: Controller, families: readonly Family[]): Promise<void> {
  const { log } = controller;
  for (const { parent, children } of families) {
    log.info(`aborting the split of ${shardText(parent.record)}`);
    for (const child of children) await detachChild(controller, parent.record.attached, child.record);
    delete parent.record.splitting;
    // What the pageserver has of the parent is not known any more.
    if (parent.record.attached !== null) parent.observed.set(parent.record.attached, undefined);
  }
  await controller.store.save();
  await controller.apply(families.map(({ parent }) => parent)).catch((error: unknown) => {
    log.info(`parents of an aborted split will be attached later: ${errorText(error)}`);
  });
}

async function detachChild({ api, nodes, log }: Controller, nodeId: number | null, child: ShardRecord): Promise<void> {
  const node = nodes.find(nodeId ?? -1)?.record;
  if (node === undefined) return;
  try {
    await api.putLocation(node, `${shardText(child)}/location_config`, location(child, "Detached"));
  } catch (error) {
    log.info(`could not detach ${shardText(child)} after an aborted split: ${errorText(error)}`);
  }
}

/** After a restart in the middle of a split: it never happened. Children on pageservers are detached as unknown shards. */
export function forgetSplits(records: readonly ShardRecord[]): boolean {
  const torn = records.filter(({ splitting }) => splitting === true);
  for (const record of torn) delete record.splitting;
  return torn.length > 0;
}

import { type ApiError, conflict } from "../service";
import type { ShardRecord } from "./model";
import type { Nodes, PageserverNode } from "./nodes";
import type { Shards } from "./shards";

function noneFits(): ApiError {
  return conflict("Failed to schedule shard(s): No pageserver found matching constraint");
}

/** How many shards are, or are to be, on each node. */
function load(shards: Shards, nodeId: number): number {
  return shards.all().filter(({ record }) => record.attached === nodeId || record.secondary.includes(nodeId)).length;
}

function leastLoaded(nodes: Nodes, shards: Shards, excluded: number[]): PageserverNode {
  const candidates = nodes
    .all()
    .filter((node) => node.availability === "Active" && node.record.scheduling === "Active")
    .filter((node) => !excluded.includes(node.record.id))
    .map((node) => ({ node, load: load(shards, node.record.id) }))
    .toSorted((a, b) => a.load - b.load);
  if (candidates[0] === undefined) throw noneFits();
  return candidates[0].node;
}

/** Writes into the record where the shard is to be, as its placement policy asks. 409 when there are too few nodes. */
export function schedule(record: ShardRecord, nodes: Nodes, shards: Shards): void {
  const policy = record.placement_policy;
  if (policy === "Detached") {
    record.attached = null;
    record.secondary = [];
    return;
  }
  let attached = policy === "Secondary" ? null : record.attached;
  const secondary = [...record.secondary];
  if (policy !== "Secondary" && attached === null) {
    const node = leastLoaded(nodes, shards, secondary);
    attached = node.record.id;
    record.preferred_az_id ??= node.record.availability_zone_id;
  }
  const copies = policy === "Secondary" ? 1 : policy.Attached;
  while (secondary.length < copies) {
    const taken = attached === null ? secondary : [attached, ...secondary];
    secondary.push(leastLoaded(nodes, shards, taken).record.id);
  }
  record.attached = attached;
  record.secondary = secondary.slice(0, copies);
}

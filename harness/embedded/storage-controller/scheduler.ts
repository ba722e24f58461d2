import { type ApiError, conflict } from "../service";
import type { ShardRecord } from "./model";
import type { Nodes, PageserverNode } from "./nodes";
import type { Shards } from "./shards";

function noneFits(): ApiError {
  return conflict("Failed to schedule shard(s): No pageserver found matching constraint");
}

/** Whether new shards may go to the node. */
export function maySchedule({ availability, record }: PageserverNode): boolean {
  return availability === "Active" && (record.scheduling === "Active" || record.scheduling === "Filling");
}

type Purpose = "attached" | "secondary";

/** How good a node is for a shard: the lowest wins, looked at from left to right. */
function score(node: PageserverNode, record: ShardRecord, purpose: Purpose, shards: Shards): number[] {
  const { id, availability_zone_id: zone } = node.record;
  const isHome = record.preferred_az_id === null || record.preferred_az_id === zone;
  // Attachments belong into the tenant's zone, copies into another.
  const zoneMismatch = Number(purpose === "attached" ? !isHome : isHome && record.preferred_az_id !== null);
  let [siblings, attached, all] = [0, 0, 0];
  for (const { record: other } of shards.all()) {
    if (other === record) continue;
    const isHere = other.attached === id || other.secondary.includes(id);
    if (isHere && other.tenant_id === record.tenant_id) siblings += 1;
    if (other.attached === id) attached += 1;
    if (isHere) all += 1;
  }
  return purpose === "attached" ? [zoneMismatch, siblings, attached, all, id] : [zoneMismatch, siblings, all, id];
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

interface Choice {
  record: ShardRecord;
  purpose: Purpose;
  excluded: readonly number[];
  nodes: Nodes;
  shards: Shards;
}

/** The best node for a purpose; undefined when none may be used. */
function best({ record, purpose, excluded, nodes, shards }: Choice, among = nodes.all()): PageserverNode | undefined {
  const [first] = among
    .filter((node) => maySchedule(node) && !excluded.includes(node.record.id))
    .map((node) => ({ node, value: score(node, record, purpose, shards) }))
    .toSorted((a, b) => compare(a.value, b.value));
  return first?.node;
}

/** Where a shard with these secondaries is to be attached: on the best warm copy, else on any node. */
function newAttachment(record: ShardRecord, nodes: Nodes, shards: Shards): PageserverNode {
  const choice: Choice = { record, purpose: "attached", excluded: [], nodes, shards };
  const warm = nodes.all().filter((node) => record.secondary.includes(node.record.id));
  const node = best(choice, warm) ?? best(choice);
  if (node === undefined) throw noneFits();
  return node;
}

/** Writes into the record where the shard is to be, as its placement policy asks. 409 when there are too few nodes. */
export function schedule(record: ShardRecord, nodes: Nodes, shards: Shards): void {
  const policy = record.placement_policy;
  if (policy === "Detached") {
    record.attached = null;
    record.secondary = [];
    return;
  }
  let { attached } = record;
  let secondary = [...record.secondary];
  if (policy === "Secondary" && attached !== null) {
    secondary.unshift(attached);
    attached = null;
  }
  if (policy !== "Secondary" && attached === null) {
    const node = newAttachment(record, nodes, shards);
    attached = node.record.id;
    secondary = secondary.filter((id) => id !== attached);
    record.preferred_az_id ??= node.record.availability_zone_id;
  }
  const copies = policy === "Secondary" ? 1 : policy.Attached;
  secondary = keepBest(secondary, copies, nodes);
  while (secondary.length < copies) {
    const excluded = attached === null ? secondary : [attached, ...secondary];
    const node = best({ record, purpose: "secondary", excluded, nodes, shards });
    if (node === undefined) throw noneFits();
    secondary.push(node.record.id);
  }
  record.attached = attached;
  record.secondary = secondary;
}

/** Copies on nodes that live are worth more than others. */
function keepBest(secondary: readonly number[], copies: number, nodes: Nodes): number[] {
  const isDown = (id: number): number => Number(nodes.find(id)?.availability !== "Active");
  return secondary.toSorted((a, b) => isDown(a) - isDown(b)).slice(0, copies);
}

/** The attachment leaves a node that is gone; what is there becomes a copy, for the case that the node comes back. */
export function demote(record: ShardRecord, nodeId: number): boolean {
  if (record.attached !== nodeId) return false;
  record.attached = null;
  record.secondary = [...record.secondary, nodeId];
  return true;
}

/** The attachment changes places with a copy, or with nothing, on another node. */
export function moveAttachment(record: ShardRecord, nodeId: number): void {
  const origin = record.attached;
  record.attached = nodeId;
  record.secondary = record.secondary.filter((id) => id !== nodeId);
  const copies = typeof record.placement_policy === "object" ? record.placement_policy.Attached : 0;
  if (origin !== null && record.secondary.length < copies) record.secondary.push(origin);
}

/** The copy of a shard that is best to be attached. */
export function bestSecondary(record: ShardRecord, nodes: Nodes, shards: Shards): number | undefined {
  const warm = nodes.all().filter((node) => record.secondary.includes(node.record.id));
  return best({ record, purpose: "attached", excluded: [], nodes, shards }, warm)?.record.id;
}

/** A node of the zone that the shard prefers, where it is attached in another; undefined where it is well, or can't move. */
export function homeOf(record: ShardRecord, nodes: Nodes, shards: Shards): number | undefined {
  const { attached, preferred_az_id: zone } = record;
  if (attached === null || zone === null || nodes.find(attached)?.record.availability_zone_id === zone)
    return undefined;
  const there = nodes.all().filter((node) => node.record.availability_zone_id === zone);
  return best({ record, purpose: "attached", excluded: [], nodes, shards }, there)?.record.id;
}

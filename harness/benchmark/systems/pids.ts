import type { NeonNode } from "../../nodes";

/** Of those that run, by name. */
export function pidsOf(nodes: readonly NeonNode[]): ReadonlyMap<string, number> {
  return new Map(nodes.flatMap(({ name, pid }) => (pid === undefined ? [] : [[name, pid] as const])));
}

/** Calls that are not made, and why. */
const UNREPLAYABLE: ReadonlyMap<string, string> = new Map([
  ["sk_copy", "recorded was a crash: the safekeeper's manager of the timeline died of it"],
  ["sk_backup_reset", "needs the manager of the timeline dead, as sk_copy had left it"],
]);

/** Calls that were made again, or late enough, to find what an earlier call does in the background done. */
const EVENTUAL: ReadonlySet<string> = new Set(["ps_tl_delete_again"]);

export const isEventual = (name: string): boolean => EVENTUAL.has(name);

/** Calls that meet background work of an earlier one, and what real Neon answers when that is done already. */
const RACES: ReadonlyMap<string, number> = new Map([
  ["sc_tl_delete", 409],
  ["sc_tl_delete404", 409],
  ["sc_drain_cancel", 412],
]);

/** The reason not to compare, when a call lost the race that the recorded one won. */
export function raceOf(name: string, status: number): string | undefined {
  if (RACES.get(name) !== status) return undefined;
  return `${status} came: what an earlier call had begun was done already`;
}

/** Calls that ask about what an earlier call made; if that one ended otherwise, their answers say nothing new. */
const NEEDS: readonly (readonly [first: string, others: readonly string[]])[] = [
  ["ps_offload_child", ["ps_tl_and_off2", "ps_detail_offloaded"]],
  ["sc_tl_create", ["sc_tl_branch"]],
  ["sc_shard_split", ["sc_shard_split_bad", "sc_tenant_e2"]],
  ["sc_sk_upsert", ["sc_sk7b", "sc_sk_pol"]],
  ["sc_drain", ["sc_drain_cancel"]],
];

/** The reason not to make a call: what it does, or that one which it needs had another status than was recorded. */
export function whyNotMade(name: string, statusDiffers: ReadonlySet<string>): string | undefined {
  const never = UNREPLAYABLE.get(name);
  if (never !== undefined) return never;
  const need = NEEDS.find(([first, others]) => statusDiffers.has(first) && others.includes(name));
  return need === undefined ? undefined : `needs what ${need[0]} makes, and that ended otherwise`;
}

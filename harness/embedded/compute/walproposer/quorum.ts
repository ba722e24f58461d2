import type { Lsn } from "../../../types";

/** How many of `members` make a majority. */
export function quorumOf(members: number): number {
  return Math.floor(members / 2) + 1;
}

/** The highest LSN that a majority has on disk; `flushed` has one entry per safekeeper, 0n where nothing is known. */
export function quorumLsn(flushed: readonly Lsn[]): Lsn {
  const descending = flushed.toSorted((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  return descending[quorumOf(flushed.length) - 1] ?? 0n;
}

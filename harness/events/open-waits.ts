import { nowMs } from "./event";

/** A wait that has not ended; for what a test hangs on. */
export interface OpenWait {
  readonly what: string;
  readonly node: string | undefined;
  readonly since: number;
  readonly budgetMs: number;
  readonly last: () => string;
}

const open = new Set<OpenWait>();

/** Counts as open until it is disposed of. */
export function beginWait(wait: Omit<OpenWait, "since">): Disposable & { since: number } {
  const entry = { ...wait, since: nowMs() };
  open.add(entry);
  return { since: entry.since, [Symbol.dispose]: () => void open.delete(entry) };
}

/** `pageserver-1: waited 1200 of 20000 ms for its status to become Active; last observed: Loading`, one per wait. */
export function describeOpenWaits(): string[] {
  return [...open].map(({ what, node, since, budgetMs, last }) => {
    const who = node === undefined ? "" : `${node}: `;
    return `${who}waited ${Math.round(nowMs() - since)} of ${budgetMs} ms for: ${what}; last observed: ${last()}`;
  });
}

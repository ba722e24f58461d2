import { Lsn } from "../../types";

/** Since `lsn` the WAL was written by the proposer of `term`. */
export interface TermLsn {
  term: bigint;
  lsn: Lsn;
}

/** Ordered by term and by LSN; the first entry is where the timeline starts. */
export type TermHistory = readonly TermLsn[];

/** The entries of the WAL below or at `end`. */
export function historyUpTo(history: TermHistory, end: Lsn): TermHistory {
  return history.filter((entry) => entry.lsn <= end);
}

/** The term that wrote the end of WAL which ends at `flushLsn` ("epoch"); 0 when there is none. */
export function lastLogTerm(history: TermHistory, flushLsn: Lsn): bigint {
  return historyUpTo(history, flushLsn).at(-1)?.term ?? 0n;
}

/**
 * Where the acceptor's WAL stops being what the proposer has: the end of the last term that both histories share.
 * Undefined when they share none. Throws when they disagree about the start of a term: two proposers had one term.
 */
export function lastCommonPoint(proposer: TermHistory, acceptor: TermHistory, acceptorEnd: Lsn): Lsn | undefined {
  let shared = 0;
  for (const [index, theirs] of proposer.entries()) {
    const ours = acceptor[index];
    if (ours?.term !== theirs.term) break;
    if (ours.lsn !== theirs.lsn) {
      const starts = `${Lsn.format(ours.lsn)} here, ${Lsn.format(theirs.lsn)} at the proposer`;
      throw new Error(`term ${theirs.term} starts at different positions: ${starts}`);
    }
    shared = index + 1;
  }
  if (shared === 0) return undefined;
  const acceptorTermEnd = acceptor[shared]?.lsn ?? acceptorEnd;
  // The proposer's last term has no end yet; what the acceptor has of it cannot reach further.
  const proposerTermEnd = proposer[shared]?.lsn ?? acceptorTermEnd;
  return acceptorTermEnd < proposerTermEnd ? acceptorTermEnd : proposerTermEnd;
}

/** `[{term: 1, lsn: 0/100}]` for log lines. */
export function formatHistory(history: TermHistory): string {
  return `[${history.map(({ term, lsn }) => `${term}@${Lsn.format(lsn)}`).join(", ")}]`;
}

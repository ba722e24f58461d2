import type { Lsn } from "../../types";
import type { Append } from "./acceptor";
import type { TermHistory } from "./term-history";

export interface VoteReply {
  term: bigint;
  granted: boolean;
  flushLsn: Lsn;
  truncateLsn: Lsn;
  termHistory: TermHistory;
  timelineStartLsn: Lsn;
}

export interface AppendMessage extends Append {
  commitLsn: Lsn;
  truncateLsn: Lsn;
  proposerUuid: string;
}

/** `superseded`: by a proposer of a higher term; nothing was written. */
export type AppendOutcome = "written" | "superseded";

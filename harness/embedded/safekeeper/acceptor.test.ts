import { describe, expect, it } from "vitest";
import { TenantId, TimelineId } from "../../types";
import { acceptGreeting, advanceCommit, decideAppend, decideElected, decideVote } from "./acceptor";
import { newAcceptorState, newProgress } from "./acceptor-state";
import type { AcceptorState } from "./acceptor-state";
import { lastCommonPoint, lastLogTerm, type TermHistory } from "./term-history";

const id = { tenantId: TenantId.generate(), timelineId: TimelineId.generate() };
const virgin = newAcceptorState(id);

/** `history("1@100 2@200")` */
function history(text: string): TermHistory {
  if (text === "") return [];
  return text.split(" ").map((entry) => {
    const [term = "", lsn = ""] = entry.split("@");
    return { term: BigInt(term), lsn: BigInt(lsn) };
  });
}

function acceptor(term: bigint, terms: string): AcceptorState {
  const termHistory = history(terms);
  const start = termHistory[0]?.lsn ?? 0n;
  return { ...virgin, term, termHistory, timelineStartLsn: start, localStartLsn: start };
}

describe("term histories", () => {
  it.each([
    // proposer, acceptor, acceptor's end, last common point
    ["1@100", "", 0n, undefined],
    ["2@100", "1@100", 150n, undefined],
    ["1@100", "1@100", 150n, 150n],
    ["1@100 2@200", "1@100", 150n, 150n],
    ["1@100 2@200", "1@100", 250n, 200n],
    ["1@100 3@300", "1@100 2@200", 250n, 200n],
    ["1@100 3@150", "1@100 2@200", 250n, 150n],
    ["1@100 2@200 3@300", "1@100 2@200", 350n, 300n],
    ["1@100 2@200", "1@100 2@200", 350n, 350n],
  ])("of proposer %j and acceptor %j ending at %d part at %s", (proposer, own, end, expected) => {
    expect(lastCommonPoint(history(proposer), history(own), end)).toBe(expected);
  });

  it("with one term that starts at two places are refused", () => {
    expect(() => lastCommonPoint(history("1@100"), history("1@120"), 200n)).toThrow("term 1 starts at different");
  });

  it.each([
    ["", 0n, 0n],
    ["1@100 2@200", 150n, 1n],
    ["1@100 2@200", 200n, 2n],
    ["1@100 2@200", 300n, 2n],
  ])("%j cut at %d ends with term %d", (terms, flush, expected) => {
    expect(lastLogTerm(history(terms), flush)).toBe(expected);
  });
});

describe("greeting", () => {
  const greeting = { ...id, protocolVersion: 2, pgVersion: 170005, systemId: 5n, walSegSize: 1 << 20 };
  const known = { ...virgin, server: { pgVersion: 170004, systemId: 5n, walSegSize: 1 << 20 } };

  it("is taken by a new timeline and by the one it belongs to", () => {
    const server = { pgVersion: 170005, systemId: 5n, walSegSize: 1 << 20 };
    expect(acceptGreeting(virgin, greeting)).toEqual(server);
    expect(acceptGreeting(known, greeting)).toEqual(server);
  });

  it.each([
    [{ systemId: 6n }, "invalid system ID, got 6, expected 5"],
    [{ pgVersion: 160003 }, "incompatible server version 160003, expected 170004"],
    [{ walSegSize: 1 << 24 }, "invalid wal_seg_size, got 16777216, expected 1048576"],
    [{ protocolVersion: 3 }, "incompatible protocol version 3, expected 2"],
    [{ timelineId: TimelineId.generate() }, "invalid timeline"],
  ])("with %o is refused", (difference, message) => {
    expect(() => acceptGreeting(known, { ...greeting, ...difference })).toThrow(message);
  });
});

describe("vote", () => {
  it.each([
    [4n, 5n, true, 5n],
    [5n, 5n, false, 5n],
    [6n, 5n, false, 6n],
  ])("in term %d for term %d: granted=%s, then term %d", (own, asked, granted, after) => {
    const decision = decideVote({ ...virgin, term: own }, asked);
    expect([decision.granted, decision.next.term]).toEqual([granted, after]);
  });
});

describe("elected", () => {
  const elected = (term: bigint, startStreamingAt: bigint, terms: string) => {
    const termHistory = history(terms);
    return { term, startStreamingAt, termHistory, timelineStartLsn: termHistory[0]?.lsn ?? 0n };
  };

  it.each([
    ["first ever", acceptor(1n, ""), 0n, 0n, elected(1n, 100n, "1@100")],
    ["an empty laggard from the start", acceptor(3n, ""), 0n, 0n, elected(3n, 100n, "1@100 3@300")],
    ["a laggard from its end", acceptor(3n, "1@100"), 150n, 120n, elected(3n, 150n, "1@100 3@300")],
    ["up to date", acceptor(3n, "1@100"), 300n, 300n, elected(3n, 300n, "1@100 3@300")],
    ["a fork is cut", acceptor(3n, "1@100 2@200"), 250n, 200n, elected(3n, 200n, "1@100 3@300")],
    ["all own WAL is cut", acceptor(2n, "1@100"), 250n, 100n, elected(2n, 100n, "2@100")],
    ["the proposer connects again", acceptor(3n, "1@100 3@300"), 400n, 400n, elected(3n, 400n, "1@100 3@300")],
    ["a term not voted for here", acceptor(2n, "1@100"), 200n, 200n, elected(3n, 200n, "1@100 3@200")],
  ])("%s: adopted", (_name, state, flushLsn, commitLsn, message) => {
    const decision = decideElected(state, { flushLsn, commitLsn }, message);
    expect(decision).toMatchObject({ kind: "adopt", truncateAt: message.startStreamingAt });
    if (decision.kind !== "adopt") return;
    expect(decision.next.term).toBe(message.term);
    expect(decision.next.termHistory).toEqual(message.termHistory);
    expect(decision.next.timelineStartLsn).toBe(100n);
    expect(decision.first).toBe(flushLsn === 0n);
  });

  it("of an older term changes nothing", () => {
    const message = elected(2n, 100n, "2@100");
    expect(decideElected(acceptor(3n, "1@100"), { flushLsn: 150n, commitLsn: 100n }, message).kind).toBe("superseded");
  });

  it.each([
    ["beyond our end", acceptor(3n, "1@100"), 150n, 100n, elected(3n, 300n, "1@100 3@300"), "up to 0/96 only"],
    ["beyond the start of an empty one", acceptor(3n, ""), 0n, 0n, elected(3n, 300n, "1@100 3@300"), "up to 0/0 only"],
    ["below the common point", acceptor(3n, "1@100"), 250n, 100n, elected(3n, 150n, "1@100 3@300"), "common point"],
    ["below what is committed", acceptor(3n, "1@100 2@200"), 250n, 240n, elected(3n, 200n, "1@100 3@300"), "committed"],
    ["over its own WAL", acceptor(3n, "1@100 3@200"), 250n, 200n, elected(3n, 200n, "1@100 3@200"), "overwrite good"],
    [
      "with a history of another term",
      acceptor(3n, ""),
      0n,
      0n,
      elected(3n, 100n, "1@100"),
      "does not end with term 3",
    ],
    ["without a start", acceptor(3n, ""), 0n, 0n, { ...elected(3n, 100n, "3@100"), timelineStartLsn: 0n }, "start_lsn"],
  ])("%s: refused", (_name, state, flushLsn, commitLsn, message, text) => {
    expect(() => decideElected(state, { flushLsn, commitLsn }, message)).toThrow(text);
  });
});

describe("append", () => {
  const state = acceptor(3n, "1@100 3@300");
  const append = (term: bigint, beginLsn: bigint, length: number) => {
    return { term, beginLsn, endLsn: beginLsn + BigInt(length), wal: Buffer.alloc(length) };
  };

  it.each([
    [append(3n, 400n, 10), "write"],
    [append(3n, 999n, 0), "write"],
    [append(2n, 400n, 10), "superseded"],
  ])("%# is answered", (message, expected) => {
    expect(decideAppend(state, 400n, message)).toBe(expected);
  });

  it.each([
    ["with a hole", append(3n, 410n, 10), "not contiguous"],
    ["over what is there", append(3n, 390n, 10), "not contiguous"],
    ["before the election", append(4n, 400n, 10), "before ProposerElected"],
    ["with a wrong end", { ...append(3n, 400n, 10), endLsn: 420n }, "carries 10 bytes"],
  ])("%s is refused", (_name, message, text) => {
    expect(() => decideAppend(state, 400n, message)).toThrow(text);
  });

  it("is refused between the vote and the election", () => {
    expect(() => decideAppend(acceptor(4n, "1@100 3@300"), 400n, append(4n, 400n, 1))).toThrow("before Proposer");
  });
});

it.each([
  [100n, 200n, 150n, 150n],
  [100n, 120n, 150n, 120n],
  [130n, 120n, 150n, 130n],
])("commit_lsn %d, candidate %d, flush %d → %d", (commitLsn, candidate, flush, expected) => {
  expect(advanceCommit({ ...newProgress(), commitLsn }, candidate, flush)).toBe(expected);
});

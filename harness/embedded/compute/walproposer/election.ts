import { randomBytes } from "node:crypto";
import { Lsn } from "../../../types";
import type { TermLsn, VoteResponse } from "../../../wire";
import { formatHistory, historyUpTo, lastLogTerm } from "../../safekeeper/term-history";
import { errorText, type HostPort, type Logger } from "../../service";
import { Backoff } from "../backoff";
import { AcceptorSession } from "./acceptor-session";
import { collectQuorum } from "./collect-quorum";
import { quorumOf } from "./quorum";
import { addressText, type ProposedTimeline, type WalIdentity } from "./timeline";

/** How long an election waits for safekeepers beyond the quorum. */
const GRACE_MS = 50;

export interface Election {
  term: bigint;
  proposerId: Buffer;
  /** Where the new term begins (propEpochStartLsn); undefined when no safekeeper has any WAL yet. */
  startLsn: Lsn | undefined;
  /** The donor's history up to startLsn, without the new term. */
  history: readonly TermLsn[];
  timelineStartLsn: Lsn;
  /** Has all WAL up to startLsn. */
  donor: HostPort | undefined;
  /** As the donor knows them. */
  identity: WalIdentity;
}

export interface ElectionOptions {
  safekeepers: readonly HostPort[];
  timeline: ProposedTimeline;
  log: Logger;
  signal: AbortSignal;
}

interface Candidate {
  address: HostPort;
  session: AcceptorSession;
}

interface Voter {
  address: HostPort;
  identity: WalIdentity;
  vote: VoteResponse;
}

/** Wins an election, retrying until a majority of safekeepers is there and no other proposer is in the way. */
export async function elect(options: ElectionOptions): Promise<Election> {
  const backoff = new Backoff(50, 1_000);
  for (;;) {
    options.signal.throwIfAborted();
    const attempt = new AbortController();
    const signal = AbortSignal.any([options.signal, attempt.signal]);
    try {
      return await runElection({ ...options, signal });
    } catch (error) {
      options.signal.throwIfAborted();
      options.log.warn(`election failed, will be repeated: ${errorText(error)}`);
    } finally {
      attempt.abort();
    }
    await backoff.wait(options.signal);
  }
}

async function runElection(options: ElectionOptions): Promise<Election> {
  const { safekeepers, log } = options;
  const quorum = quorumOf(safekeepers.length);
  const proposerId = randomBytes(16);
  const greetings = safekeepers.map((address) => greetUntilDone(options, address, proposerId));
  const candidates = await collectQuorum(greetings, quorum, GRACE_MS);
  const term = candidates.reduce((max, { session }) => maxOf(max, session.greetedTerm), 0n) + 1n;
  log.info(`connected to ${candidates.length} of ${safekeepers.length} safekeepers, starting voting in term ${term}`);
  const votes = candidates.map((candidate) => requestVote(candidate, term, log));
  return decide(await collectQuorum(votes, quorum, GRACE_MS), term, proposerId, log);
}

/** A safekeeper that is away must not make the others start over, so each is tried for itself until the election ends. */
async function greetUntilDone(options: ElectionOptions, address: HostPort, proposerId: Buffer): Promise<Candidate> {
  const { timeline, log, signal } = options;
  const backoff = new Backoff(50, 500);
  const target = {
    address,
    timeline,
    proposerId,
    identity: undefined,
    signal,
  };
  for (let failure = ""; ;) {
    try {
      return { address, session: await AcceptorSession.open(target) };
    } catch (error) {
      signal.throwIfAborted();
      if (errorText(error) !== failure) log.warn(`safekeeper ${addressText(address)}: ${errorText(error)}`);
      failure = errorText(error);
    }
    await backoff.wait(signal);
    signal.throwIfAborted();
  }
}

async function requestVote({ address, session }: Candidate, term: bigint, log: Logger): Promise<Voter> {
  const vote = await session.vote(term);
  const { voteGiven, flushLsn, termHistory } = vote;
  const facts = `term=${vote.term}, flush_lsn=${Lsn.format(flushLsn)}, history=${formatHistory(termHistory)}`;
  log.info(`vote of safekeeper ${session.nodeId} at ${session.address}: given=${voteGiven}, ${facts}`);
  if (!voteGiven)
    throw new Error(`safekeeper ${session.address} of term ${vote.term} refuses its vote for term ${term}`);
  return { address, vote, identity: session.identity };
}

/** The voter with the newest WAL is the donor: first the term that wrote its end counts, then where it ends. */
function decide(voters: readonly Voter[], term: bigint, proposerId: Buffer, log: Logger): Election {
  const donor = voters.reduce((best, voter) => (isNewer(voter.vote, best.vote) ? voter : best));
  const { flushLsn, termHistory, timelineStartLsn } = donor.vote;
  const { address, identity } = donor;
  if (flushLsn === Lsn.INVALID) {
    log.info(`elected in term ${term} by ${voters.length} safekeepers, none of which has WAL`);
    const nothing = { startLsn: undefined, history: [], timelineStartLsn: Lsn.INVALID, donor: undefined };
    return { term, proposerId, identity, ...nothing };
  }
  const history = historyUpTo(termHistory, flushLsn);
  const facts = `epoch start ${Lsn.format(flushLsn)}, donor ${addressText(address)}`;
  log.info(`elected in term ${term} by ${voters.length} safekeepers, ${facts}`);
  const start = timelineStartLsn === Lsn.INVALID ? (history[0]?.lsn ?? flushLsn) : timelineStartLsn;
  return { term, proposerId, identity, startLsn: flushLsn, history, timelineStartLsn: start, donor: address };
}

function isNewer(a: VoteResponse, b: VoteResponse): boolean {
  const [termA, termB] = [lastLogTerm(a.termHistory, a.flushLsn), lastLogTerm(b.termHistory, b.flushLsn)];
  return termA > termB || (termA === termB && a.flushLsn > b.flushLsn);
}

function maxOf(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Lsn } from "../../types";
import { createLogger } from "../service";
import { WalDecoder } from "../wal/decoder";
import { maxLsn, newAcceptorState, newProgress, type TenantTimelineId } from "./acceptor-state";
import { readControlFile } from "./control-file";
import { lastCommonPoint, lastLogTerm, type TermHistory } from "./term-history";
import { newId } from "./testing/safekeeper-process";
import { WalBuilder } from "./testing/wal-builder";
import { Timeline } from "./timeline";
import type { VoteReply } from "./timeline-messages";
import { WalReader } from "./wal-reader";

const START = 0x14ec3a8n;
/** Small ones, so that the WAL crosses them all the time. */
const SEGMENT = 64 * 1024;

/** mulberry32: small, seeded, good enough to choose what happens next. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Voter {
  timeline: Timeline;
  vote: VoteReply;
}

/** Three safekeepers, one proposer after another, each alive with a random part of them. */
class Cluster {
  readonly #root: string;
  readonly #id: TenantTimelineId = newId();
  readonly #random: () => number;
  timelines: Timeline[] = [];
  term = 0n;
  committed: Buffer = Buffer.alloc(0);

  constructor(root: string, seed: number) {
    this.#root = root;
    this.#random = randomFrom(seed);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  number(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #options(index: number) {
    const log = createLogger(() => undefined);
    return { directory: join(this.#root, `sk${index}`), sync: false, nodeId: index, log };
  }

  async start(): Promise<void> {
    const content = () => ({ state: newAcceptorState(this.#id), progress: newProgress() });
    this.timelines = await Promise.all([0, 1, 2].map((index) => Timeline.create(this.#options(index), content())));
  }

  async restart(index: number): Promise<void> {
    await this.timelines[index]?.close();
    const content = await readControlFile(this.#options(index).directory);
    if (content === undefined) throw new Error("no control file");
    this.timelines[index] = await Timeline.load(this.#options(index), content);
  }

  /** A random majority votes for a new term. */
  async elect(): Promise<Voter[]> {
    this.term += 1n;
    const absent = this.chance(0.6) ? this.number(3) : -1;
    const voters: Voter[] = [];
    for (const timeline of this.timelines.filter((_, index) => index !== absent)) {
      const greeting = { protocolVersion: 2, pgVersion: 170005, systemId: 7n, walSegSize: SEGMENT };
      await timeline.greet({ ...this.#id, ...greeting });
      const vote = await timeline.vote(this.term);
      expect(vote.granted).toBe(true);
      voters.push({ timeline, vote });
    }
    return voters;
  }

  async #read(timeline: Timeline, from: Lsn, to: Lsn): Promise<Buffer> {
    await using reader = new WalReader(timeline.directory, SEGMENT);
    const chunks: Buffer[] = [];
    for (let position = from; position < to; position += BigInt(chunks.at(-1)?.length ?? 0)) {
      chunks.push(await reader.read(position, Number(to - position)));
    }
    return Buffer.concat(chunks);
  }

  /** What a proposer does once it is elected: the donor's WAL for everybody, then its own, acknowledged in any order. */
  async lead(voters: Voter[]): Promise<void> {
    const rank = ({ vote }: Voter) => [lastLogTerm(vote.termHistory, vote.flushLsn), vote.flushLsn] as const;
    const donor = voters.toSorted((a, b) => {
      const [[termA, lsnA], [termB, lsnB]] = [rank(a), rank(b)];
      return termA === termB ? Number(lsnB - lsnA) : Number(termB - termA);
    })[0];
    if (donor === undefined) throw new Error("nobody voted");
    const start = maxLsn(donor.vote.flushLsn, START);
    const old = await this.#read(donor.timeline, START, start);
    // What any proposer ever reported as committed must be there, whoever voted.
    expect(old.subarray(0, this.committed.length).equals(this.committed)).toBe(true);
    const history: TermHistory = [...donor.vote.termHistory, { term: this.term, lsn: start }];
    const decoder = new WalDecoder({ startLsn: START, walSegSize: SEGMENT, pgVersion: 17 });
    decoder.push(START, old);
    const builder = new WalBuilder({ startLsn: start, walSegSize: SEGMENT, previous: decoder.prevRecord });
    for (let records = this.number(6); records > 0; records -= 1) builder.record(this.number(9000));
    const wal = Buffer.concat([old, builder.bytes()]);
    for (const voter of voters) await this.#feed(voter, history, wal, start);
    this.#commit(wal, start);
  }

  /** One safekeeper gets a random part of the WAL in random pieces. */
  async #feed({ timeline, vote }: Voter, termHistory: TermHistory, wal: Buffer, start: Lsn): Promise<void> {
    if (this.chance(0.15)) return;
    const from = lastCommonPoint(termHistory, vote.termHistory, vote.flushLsn) ?? START;
    const elected = { term: this.term, startStreamingAt: from, termHistory, timelineStartLsn: START };
    await timeline.elected(elected);
    const target = this.chance(0.6)
      ? wal.length
      : Number(from - START) + this.number(wal.length - Number(from - START));
    for (let offset = Number(from - START); offset < target;) {
      const piece = wal.subarray(offset, Math.min(target, offset + 1 + this.number(50_000)));
      const beginLsn = START + BigInt(offset);
      const endLsn = beginLsn + BigInt(piece.length);
      const rest = { commitLsn: 0n, truncateLsn: 0n, proposerUuid: "" };
      const message = { term: this.term, beginLsn, endLsn, wal: piece, ...rest };
      if (this.chance(0.5)) await timeline.append(message);
      else expect(timeline.appendAtOnce(message)).toBe("written");
      offset += piece.length;
    }
    expect(timeline.flushLsn >= from && timeline.flushLsn <= start + BigInt(wal.length)).toBe(true);
  }

  /** The proposer's own view: the second best flush of its term, once it covers the term's start. */
  #commit(wal: Buffer, start: Lsn): void {
    const flushes = this.timelines
      .map((timeline) => (timeline.lastLogTerm === this.term && timeline.flushLsn >= start ? timeline.flushLsn : 0n))
      .toSorted((a, b) => Number(b - a));
    const commit = flushes[1] ?? 0n;
    if (commit >= start && commit > START) this.committed = wal.subarray(0, Number(commit - START));
  }
}

it.each([1, 2])("no committed WAL is lost over 40 proposers, seed %i", async (seed) => {
  const root = mkdtempSync(join(tmpdir(), "sk-consensus-"));
  try {
    const cluster = new Cluster(root, seed);
    await cluster.start();
    for (let generation = 0; generation < 40; generation += 1) {
      await cluster.lead(await cluster.elect());
      if (cluster.chance(0.6)) await cluster.restart(cluster.number(3));
    }
    expect(cluster.committed.length).toBeGreaterThan(2 * SEGMENT);
    await Promise.all(cluster.timelines.map((timeline) => timeline.close()));
  } finally {
    rmSync(root, { recursive: true });
  }
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lsn } from "../../types";
import { encodeWalReceiverMessage } from "../../wire";
import { connectTo, TestProposer } from "./testing/proposer";
import { newId, SafekeeperDirectories, SafekeeperProcess } from "./testing/safekeeper-process";
import { readWal, withWal } from "./testing/wal-access";
import { WalBuilder } from "./testing/wal-builder";

const START = 0x14ec3a8n;
const text = (lsn: Lsn): string => Lsn.format(lsn);

const directories = new SafekeeperDirectories();
let shared: SafekeeperProcess;

beforeAll(async () => {
  shared = await SafekeeperProcess.start(directories);
});

afterAll(async () => {
  await shared[Symbol.asyncDispose]();
  directories[Symbol.dispose]();
});

describe("proposers", () => {
  it("of an older term learn the higher one, and write nothing more", async () => {
    const id = newId();
    const wal = new WalBuilder({ startLsn: START });
    const first = wal.record(100);
    const old = await withWal(shared, id, wal);
    const young = await TestProposer.connect(shared.pgPort, id);
    await young.greet();
    expect(await young.vote(2n)).toMatchObject({ voteGiven: true, flushLsn: first });
    wal.record(100);
    old.append(first, wal.bytes(first));
    expect(await old.receive("append")).toMatchObject({ term: 2n, flushLsn: first });
    old.elected(1n, first, [{ term: 1n, lsn: START }]);
    old.append(first, wal.bytes(first));
    expect(await old.receive("append")).toMatchObject({ term: 2n, flushLsn: first });
    old.close();
    young.close();
  });

  it("replace what an older one wrote behind the last common point", async () => {
    const id = newId();
    const wal = new WalBuilder({ startLsn: START });
    const committed = wal.fill(10_000);
    const old = await withWal(shared, id, wal);
    wal.fill(2_000_000);
    old.append(committed, wal.bytes(committed));
    await old.flushedTo(wal.end);
    const young = await TestProposer.connect(shared.pgPort, id);
    await young.greet();
    expect(await young.vote(3n)).toMatchObject({ flushLsn: wal.end });
    const other = new WalBuilder({ startLsn: committed });
    other.fill(5000, 321);
    young.elected(
      3n,
      committed,
      [
        { term: 1n, lsn: START },
        { term: 3n, lsn: committed },
      ],
      START,
    );
    young.append(committed, other.bytes(), other.end);
    expect(await young.flushedTo(other.end)).toMatchObject({ commitLsn: other.end });
    expect(await shared.timelineStatus(id)).toMatchObject({
      flush_lsn: text(other.end),
      acceptor_state: { term: 3, epoch: 3, term_history: [{ term: 1 }, { term: 3, lsn: text(committed) }] },
    });
    const reader = await connectTo(shared.pgPort, id);
    const read = await readWal(reader, `START_REPLICATION PHYSICAL ${text(START)}`, START, other.end);
    expect(read.equals(Buffer.concat([wal.bytes(START, committed), other.bytes()]))).toBe(true);
    reader.destroy();
    young.close();
    old.close();
  });

  it.each([
    ["wants to start beyond our end", 0x1500000n, 2n, "has WAL up to 0/14"],
    ["would cut committed WAL", START, 2n, "attempt to truncate committed WAL"],
  ])("that %s is refused", async (_name, start, term, message) => {
    const id = newId();
    const wal = new WalBuilder({ startLsn: START });
    wal.fill(1000);
    (await withWal(shared, id, wal)).close();
    const proposer = await TestProposer.connect(shared.pgPort, id);
    await proposer.greet();
    await proposer.vote(term);
    proposer.elected(term, start, [
      { term: 1n, lsn: START },
      { term, lsn: start },
    ]);
    await expect(proposer.receive("append")).rejects.toThrow(message);
    expect(await shared.timelineStatus(id)).toMatchObject({ flush_lsn: text(wal.end), commit_lsn: text(wal.end) });
    proposer.close();
  });

  it("of another cluster are refused", async () => {
    const id = newId();
    const first = await TestProposer.connect(shared.pgPort, id);
    await first.greet();
    const second = await TestProposer.connect(shared.pgPort, id);
    await expect(second.greet({ systemId: 8n })).rejects.toThrow("invalid system ID, got 8, expected 7");
    first.close();
  });

  it("hear what the pageserver and standbys say", async () => {
    const id = newId();
    const wal = new WalBuilder({ startLsn: START });
    wal.fill(1000);
    const proposer = await withWal(shared, id, wal);
    const pageserver = await connectTo(shared.pgPort, id, { application_name: "pageserver-1" });
    const standby = await connectTo(shared.pgPort, id, { application_name: "standby" });
    const feedback = {
      currentTimelineSize: 4096n,
      lastReceivedLsn: wal.end,
      diskConsistentLsn: START,
      remoteConsistentLsn: START + 8n,
      replyTime: 1_000_000n,
      shardNumber: 0,
    };
    const toPageserver = await pageserver.copyBoth(`START_REPLICATION PHYSICAL ${text(START)}`);
    toPageserver.write(encodeWalReceiverMessage({ kind: "pageserverFeedback", feedback }));
    const toStandby = await standby.copyBoth(`START_REPLICATION SLOT "repl" ${text(START)} TIMELINE 1`);
    const hot = { time: 5n, xmin: 700, xminEpoch: 1, catalogXmin: 0, catalogXminEpoch: 0 };
    toStandby.write(encodeWalReceiverMessage({ kind: "hotStandbyFeedback", ...hot }));
    for (;;) {
      proposer.append(wal.end, Buffer.alloc(0), wal.end);
      const answer = await proposer.receive("append");
      if (answer.pageserverFeedback === undefined || answer.hotStandby.ts === 0n) continue;
      expect(answer.pageserverFeedback).toEqual(feedback);
      expect(answer.hotStandby).toEqual({ ts: 5n, xmin: (1n << 32n) | 700n, catalogXmin: 0n });
      break;
    }
    expect(await shared.timelineStatus(id)).toMatchObject({
      remote_consistent_lsn: text(START + 8n),
      walsenders: [
        {
          Vanilla: {
            appname: "pageserver-1",
            feedback: { Pageserver: { replytime: "2000-01-01T00:00:01.000000+00:00" } },
          },
        },
        { Vanilla: { appname: "standby", feedback: { Standby: { hs_feedback: { xmin: 4_294_967_996 } } } } },
      ],
    });
    for (const connection of [pageserver, standby, proposer]) {
      if (connection instanceof TestProposer) connection.close();
      else connection.destroy();
    }
  });
});

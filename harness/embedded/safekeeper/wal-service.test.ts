import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lsn } from "../../types";
import type { WalSenderMessage } from "../../wire";
import { decodeWalSenderMessage } from "../../wire";
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

async function nextMessage(payloads: AsyncIterator<Buffer>): Promise<WalSenderMessage> {
  const { value } = await payloads.next();
  return decodeWalSenderMessage(value as Buffer);
}

describe("WAL", () => {
  it("that was pushed is read back and shown", async () => {
    const id = newId();
    const wal = new WalBuilder({ startLsn: START });
    wal.fill(1_500_000, 3000);
    const proposer = await TestProposer.connect(shared.pgPort, id);
    expect(await proposer.greet()).toMatchObject({ term: 0n, nodeId: 1n });
    expect(await proposer.vote(1n)).toMatchObject({ term: 1n, voteGiven: true, flushLsn: 0n, termHistory: [] });
    proposer.elected(1n, START, [{ term: 1n, lsn: START }]);
    for (let position = START; position < wal.end; position += 100_000n) {
      const until = position + 100_000n < wal.end ? position + 100_000n : wal.end;
      proposer.append(position, wal.bytes(position, until));
    }
    await proposer.flushedTo(wal.end);
    proposer.append(wal.end, Buffer.alloc(0), wal.end);
    expect(await proposer.receive("append")).toMatchObject({ term: 1n, flushLsn: wal.end, commitLsn: wal.end });

    const reader = await connectTo(shared.pgPort, id);
    const read = await readWal(reader, `START_REPLICATION PHYSICAL ${text(START)} TIMELINE 1`, START, wal.end);
    expect(read.equals(wal.bytes())).toBe(true);
    expect((await reader.query("TIMELINE_STATUS")).rows).toEqual([[text(wal.end), text(wal.end)]]);
    expect(await reader.query("IDENTIFY_SYSTEM")).toEqual({
      columns: ["systemid", "timeline", "xlogpos", "dbname"],
      rows: [["7", "1", text(wal.end), null]],
      tag: "IDENTIFY_SYSTEM",
    });
    await reader.end();
    expect(await shared.timelineStatus(id)).toMatchObject({
      acceptor_state: { term: 1, epoch: 1, term_history: [{ term: 1, lsn: text(START) }] },
      pg_info: { pg_version: 170005, system_id: 7, wal_seg_size: 1_048_576 },
      flush_lsn: text(wal.end),
      commit_lsn: text(wal.end),
      timeline_start_lsn: text(START),
      walreceivers: [{ status: "Streaming" }],
    });
    proposer.close();
  });

  it("reaches a waiting receiver as soon as it is committed, not before; then keepalives", async () => {
    const id = newId();
    const wal = new WalBuilder({ startLsn: START });
    const committed = wal.fill(1000);
    const proposer = await withWal(shared, id, wal);
    const flushed = wal.fill(5000);
    proposer.append(committed, wal.bytes(committed), committed);
    await proposer.flushedTo(flushed);
    const reader = await connectTo(shared.pgPort, id);
    const stream = await reader.copyBoth(`START_REPLICATION PHYSICAL ${text(committed)}`);
    const payloads = stream[Symbol.asyncIterator]();
    expect(await nextMessage(payloads)).toMatchObject({ kind: "keepalive", walEnd: committed });
    const sent = performance.now();
    proposer.append(flushed, Buffer.alloc(0), flushed);
    expect(await nextMessage(payloads)).toMatchObject({ kind: "xlogData", walStart: committed, walEnd: flushed });
    expect(performance.now() - sent).toBeLessThan(500);
    reader.destroy();
    proposer.close();
  });

  it("is read up to flush_lsn by recovery, for as long as its term lasts", async () => {
    const id = newId();
    const wal = new WalBuilder({ startLsn: START });
    const committed = wal.fill(1000);
    const proposer = await withWal(shared, id, wal);
    wal.fill(5000);
    proposer.append(committed, wal.bytes(committed));
    await proposer.flushedTo(wal.end);
    const reader = await connectTo(shared.pgPort, id, { application_name: "wal_proposer_recovery" });
    const sql = `START_REPLICATION PHYSICAL ${text(START)} (term='1')`;
    expect((await readWal(reader, sql, START, wal.end)).length).toBe(Number(wal.end - START));
    const stream = await reader.copyBoth(sql.replace(text(START), text(wal.end)));
    await (await TestProposer.connect(shared.pgPort, id).then((other) => other.greet().then(() => other))).vote(2n);
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toThrow("failed to acquire term 1, current term 2");
    reader.destroy();
    proposer.close();
  });
});

describe("commands", () => {
  it.each([
    ["BOGUS", "unsupported command BOGUS"],
    ["IDENTIFY_SYSTEM", "was not found in global map"],
    ["START_REPLICATION PHYSICAL 0/10", "was not found in global map"],
    ["START_WAL_PUSH (proto_version '3')", "unsupported proto_version 3"],
  ])("%s on an unknown timeline: %s", async (sql, message) => {
    const connection = await connectTo(shared.pgPort, newId());
    await expect(connection.query(sql)).rejects.toThrow(message);
    expect(await connection.query("TIMELINE_STATUS")).toMatchObject({ columns: ["flush_lsn", "commit_lsn"], rows: [] });
    expect((await connection.query("set datestyle to ISO")).tag).toBe("SELECT 1");
    connection.destroy();
  });

  it("need a tenant", async () => {
    await expect(connectTo(shared.pgPort, newId(), { options: "" })).rejects.toThrow("tenantid is required");
  });

  it("START_REPLICATION below the timeline's start is refused", async () => {
    const id = newId();
    const wal = new WalBuilder({ startLsn: START });
    wal.fill(1000);
    (await withWal(shared, id, wal)).close();
    const connection = await connectTo(shared.pgPort, id);
    const stream = await connection.copyBoth("START_REPLICATION PHYSICAL 0/1300000");
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toThrow("has WAL from 0/14EC3A8 on");
    connection.destroy();
  });

  it("a standby that asks for the segment in which the timeline begins gets it from there", async () => {
    const id = newId();
    const wal = new WalBuilder({ startLsn: START });
    wal.fill(1000);
    const proposer = await withWal(shared, id, wal);
    proposer.append(wal.end, Buffer.alloc(0), wal.end);
    const connection = await connectTo(shared.pgPort, id, { application_name: "replica" });
    const stream = await connection.copyBoth('START_REPLICATION SLOT "repl" 0/1400000 TIMELINE 1');
    const { value } = await stream[Symbol.asyncIterator]().next();
    expect(decodeWalSenderMessage(value as Buffer)).toMatchObject({ kind: "xlogData", walStart: START });
    connection.destroy();
    proposer.close();
  });
});

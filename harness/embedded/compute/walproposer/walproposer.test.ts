import { afterAll, afterEach, expect, test } from "vitest";
import { Lsn } from "../../../types";
import type { TenantTimelineId } from "../../safekeeper/acceptor-state";
import { SYSTEM_ID, TestProposer, WAL_SEG_SIZE } from "../../safekeeper/testing/proposer";
import { newId, SafekeeperDirectories, SafekeeperProcess } from "../../safekeeper/testing/safekeeper-process";
import { WalBuilder } from "../../safekeeper/testing/wal-builder";
import { createLogger } from "../../service";
import { eventually } from "../testing/eventually";
import { createPeers } from "./create-peers";
import { elect } from "./election";
import { WalproposerPanic } from "./errors";
import { Replicator } from "./replicator";
import { Walproposer } from "./walproposer";

const START = 0x100_0028n;
const log = createLogger(() => undefined);
const directories = new SafekeeperDirectories();
afterAll(() => directories[Symbol.dispose]());

const running: SafekeeperProcess[] = [];
afterEach(() => Promise.all(running.splice(0).map((safekeeper) => safekeeper.kill("SIGKILL"))));

async function start(directory?: string, more: string[] = []): Promise<SafekeeperProcess> {
  const where = directory === undefined ? {} : { directory };
  const safekeeper = await SafekeeperProcess.start(directories, { flags: ["--no-sync", ...more], ...where });
  running.push(safekeeper);
  return safekeeper;
}
const startThree = () => Promise.all([start(), start(), start()]);
const addressOf = ({ pgPort }: SafekeeperProcess) => ({ host: "127.0.0.1", port: pgPort });
const flushOf = async (safekeeper: SafekeeperProcess, id: TenantTimelineId) =>
  (await safekeeper.timelineStatus(id))["flush_lsn"];

/** Leaves WAL on one safekeeper as a proposer of that term would that died before a majority had it. */
async function writeAlone(safekeeper: SafekeeperProcess, id: TenantTimelineId, term: bigint, wal: WalBuilder) {
  const proposer = await TestProposer.connect(safekeeper.pgPort, id);
  await proposer.lead(term, wal.startLsn);
  proposer.append(wal.startLsn, wal.bytes());
  await proposer.flushedTo(wal.end);
  proposer.close();
}

function proposerFor(safekeepers: SafekeeperProcess[], id: TenantTimelineId, onPanic = (_error: Error) => undefined) {
  const timeline = { ...id, pgVersion: 170_010 };
  return new Walproposer({ safekeepers: safekeepers.map(addressOf), timeline, log, onPanic });
}

test("a new timeline has no start; one with WAL resumes at the newest term's end, on all safekeepers", async () => {
  const safekeepers = await startThree();
  const [first, second] = safekeepers;
  const id = newId();
  const virgin = proposerFor(safekeepers, id);
  expect(await virgin.elect(AbortSignal.timeout(5_000))).toBe(undefined);
  await virgin.stop();

  const long = new WalBuilder({ startLsn: START });
  long.fill(600_000);
  await writeAlone(first, id, 5n, long);
  const newer = new WalBuilder({ startLsn: START });
  newer.fill(300_000, 1500);
  await writeAlone(second, id, 6n, newer);

  const proposer = proposerFor(safekeepers, id);
  expect(await proposer.elect(AbortSignal.timeout(5_000))).toBe(newer.end);
  expect(proposer.commitLsn).toBe(newer.end);
  const ends = Array.from({ length: 3 }, () => Lsn.format(newer.end));
  await eventually(async () => {
    expect(await Promise.all(safekeepers.map((safekeeper) => flushOf(safekeeper, id)))).toEqual(ends);
  });
  await proposer.stop();
});

test("a safekeeper that was away gets what the buffer no longer has from another one", async () => {
  const [first, second, third] = await startThree();
  const id = newId();
  const timeline = { ...id, pgVersion: 170_010 };
  const safekeepers = [first, second, third].map(addressOf);
  const election = await elect({ safekeepers, timeline, log, signal: AbortSignal.timeout(5_000) });
  await third.kill("SIGKILL");

  const { term, proposerId } = election;
  const epoch = { term, proposerId, startLsn: START, history: [{ term, lsn: START }], timelineStartLsn: START };
  const replicator = new Replicator(epoch, 256 * 1024);
  const identity = { systemId: 7n, walSegSize: 1024 * 1024 };
  const onEnd = { onPanic: () => undefined, onFenced: () => undefined };
  const options = { safekeepers, timeline, identity, replicator, donor: undefined, log, ...onEnd };
  const stop = new AbortController();
  const tasks = createPeers(options).map((peer) => peer.run(stop.signal));

  const wal = new WalBuilder({ startLsn: START });
  const feed = async (bytes: number) => {
    const from = wal.end;
    const piece = wal.bytes(from, wal.fill(bytes));
    for (let done = 0; done < piece.length; done += 100_000) {
      const part = piece.subarray(done, done + 100_000);
      await replicator.roomFor(part.length, stop.signal);
      replicator.append(part);
    }
  };
  await feed(3_000_000);
  await eventually(() => expect(replicator.commitLsn).toBe(wal.end));
  expect(replicator.ring.start).toBeGreaterThan(START);

  const port = third.pgPort;
  const again = await start(third.directory, ["--listen-pg", `127.0.0.1:${port}`]);
  await feed(1_000_000);
  await eventually(async () => expect(await flushOf(again, id)).toBe(Lsn.format(wal.end)));
  expect(replicator.truncateLsn).toBeLessThanOrEqual(replicator.commitLsn);
  stop.abort();
  replicator.close();
  await Promise.all(tasks);
});

const termOf = async (safekeeper: SafekeeperProcess, id: TenantTimelineId): Promise<number> => {
  const { acceptor_state: state } = (await safekeeper.timelineStatus(id)) as { acceptor_state: { term: number } };
  return state.term;
};

test("a term that was raised by hand is overtaken; one in which somebody has written is not", async () => {
  const safekeepers = await startThree();
  const [first, second] = safekeepers;
  const id = newId();
  const wal = new WalBuilder({ startLsn: START });
  wal.fill(10_000);
  await writeAlone(first, id, 1n, wal);
  let panic: Error | undefined;
  const proposer = proposerFor(safekeepers, id, (error) => void (panic = error));
  await proposer.elect(AbortSignal.timeout(5_000));
  await proposer.begin({ lsn: wal.end, systemId: SYSTEM_ID, walSegSize: WAL_SEG_SIZE });

  const bump = `/v1/tenant/${id.tenantId}/timeline/${id.timelineId}/term_bump`;
  expect((await first.http("POST", bump, { term: 40 })).status).toBe(200);
  await eventually(async () => expect(await termOf(second, id)).toBeGreaterThan(40));
  expect(panic).toBeUndefined();

  const other = await TestProposer.connect(second.pgPort, id);
  await other.greet();
  const vote = await other.vote(90n);
  other.elected(90n, wal.end, [...vote.termHistory, { term: 90n, lsn: wal.end }], START);
  const end = wal.end;
  other.append(end, wal.bytes(end, wal.fill(1_000)));
  await other.flushedTo(wal.end);
  other.close();
  await eventually(() => expect(panic).toBeInstanceOf(WalproposerPanic));
  expect(panic?.message).toContain(`collected propEpochStartLsn ${Lsn.format(wal.end)}, but basebackup LSN`);
  await proposer.stop();
});

test("without a majority an election waits, and goes on when one is there", async () => {
  const [first, second] = await Promise.all([start(), start()]);
  const port = second.pgPort;
  await second.kill("SIGKILL");
  const nobody = { host: "127.0.0.1", port: 1 };
  const timeline = { ...newId(), pgVersion: 170_010 };
  const safekeepers = [addressOf(first), addressOf(second), nobody];
  let won = false;
  const election = elect({ safekeepers, timeline, log, signal: AbortSignal.timeout(10_000) }).then((result) => {
    won = true;
    return result;
  });
  await eventually(() => expect(first.log.join("\n")).toContain("processed greeting"));
  expect(won).toBe(false);
  await start(second.directory, ["--listen-pg", `127.0.0.1:${port}`]);
  expect((await election).term).toBe(1n);
});

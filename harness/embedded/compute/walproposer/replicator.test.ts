import { afterEach, expect, test } from "vitest";
import { eventually } from "../testing/eventually";
import { type Progress, Replicator } from "./replicator";

const START = 0x100_0000n;
const RECORD = Buffer.alloc(100);

const started: Replicator[] = [];
afterEach(() => {
  for (const replicator of started.splice(0)) replicator.close();
});

function startReplicator(): { replicator: Replicator; members: Progress[]; pushes: () => number } {
  const history = [{ term: 1n, lsn: START }];
  const epoch = { term: 1n, proposerId: Buffer.alloc(16), startLsn: START, history, timelineStartLsn: START };
  const replicator = new Replicator(epoch, 64 * 1024);
  started.push(replicator);
  const members = Array.from({ length: 3 }, () => replicator.addSafekeeper());
  for (const member of members) member.connected = true;
  let pushes = 0;
  replicator.senders.add(() => (pushes += 1));
  return { replicator, members, pushes: () => pushes };
}

const dueFor = (replicator: Replicator, members: Progress[], sent: bigint) =>
  members.map((member) => replicator.isDue(member, sent));

test("two of three get WAL at once, the third soon after, without a majority's answer, too", async () => {
  const { replicator, members, pushes } = startReplicator();
  replicator.append(RECORD);
  replicator.append(RECORD);
  expect(dueFor(replicator, members, START)).toEqual([true, true, false]);
  await eventually(() => expect(dueFor(replicator, members, START)).toEqual([true, true, true]));
  expect(pushes()).toBe(2);
  const { end } = replicator.ring;
  replicator.append(RECORD);
  expect(dueFor(replicator, members, end)).toEqual([true, true, false]);
});

test("what a majority has is committed and announced; who commits first is not asked last", async () => {
  const { replicator, members } = startReplicator();
  const [first, second, third] = members as [Progress, Progress, Progress];
  replicator.append(RECORD);
  const { end } = replicator.ring;
  replicator.acknowledged(first, end);
  expect(replicator.commitLsn).toBe(0n);
  let commits = 0;
  replicator.onCommit(() => (commits += 1));
  const advanced = replicator.advanced.wait();
  replicator.acknowledged(third, end);
  expect([replicator.commitLsn, commits]).toEqual([end, 2]);
  await advanced;
  expect(replicator.announcedLsn).toBe(0n);
  expect(members.map((member) => replicator.isDue(member, end))).toEqual([true, false, true]);
  await eventually(() => expect(replicator.announcedLsn).toBe(end));
  replicator.acknowledged(second, end);
  expect(replicator.commitLsn).toBe(end);
});

test("commits that follow each other closely are all announced in the end", async () => {
  const { replicator, members } = startReplicator();
  const [first, second] = members as [Progress, Progress];
  for (let n = 0; n < 20; n += 1) {
    replicator.append(RECORD);
    for (const member of [first, second]) replicator.acknowledged(member, replicator.ring.end);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually(() => expect(replicator.announcedLsn).toBe(replicator.ring.end));
});

test("when it closes everything is due for everybody, and the last commit is announced", () => {
  const { replicator, members } = startReplicator();
  replicator.append(RECORD);
  const { end } = replicator.ring;
  for (const member of members.slice(0, 2)) replicator.acknowledged(member, end);
  replicator.close();
  expect(dueFor(replicator, members, START)).toEqual([true, true, true]);
  expect(replicator.announcedLsn).toBe(end);
});

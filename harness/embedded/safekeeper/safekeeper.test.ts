import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { engineProgram, programEnvironment } from "../../testing";
import { Lsn } from "../../types";
import { connectTo, TestProposer } from "./testing/proposer";
import { newId, SafekeeperDirectories, SafekeeperProcess } from "./testing/safekeeper-process";
import { readWal, withWal } from "./testing/wal-access";
import { WalBuilder } from "./testing/wal-builder";

const START = 0x14ec3a8n;
const text = (lsn: Lsn): string => Lsn.format(lsn);

const directories = new SafekeeperDirectories();

afterAll(() => directories[Symbol.dispose]());

describe("durability", () => {
  const delayMs = 300;
  function slowDisk(): string {
    const path = join(directories.root, "slow-disk.cjs");
    const code = `const fs = require("fs"), original = fs.fdatasync;
      fs.fdatasync = (fd, callback) => setTimeout(() => original(fd, callback), ${delayMs});`;
    writeFileSync(path, code);
    return path;
  }

  it.each([
    ["with", [], true],
    ["without, by --no-sync,", ["--no-sync"], false],
  ])("an answer comes %s fdatasync", async (_name, flags, waits) => {
    await using safekeeper = await SafekeeperProcess.start(directories, { flags, preload: slowDisk() });
    const wal = new WalBuilder({ startLsn: START });
    wal.record(100);
    const proposer = await TestProposer.connect(safekeeper.pgPort, newId());
    await proposer.lead(1n, START);
    const begun = performance.now();
    proposer.append(START, wal.bytes());
    await proposer.flushedTo(wal.end);
    expect(performance.now() - begun >= delayMs - 5).toBe(waits);
    proposer.close();
  });

  it("SIGKILL and start: terms, votes and acknowledged WAL are there, a torn tail is not", async () => {
    const id = newId();
    const wal = new WalBuilder({ startLsn: START });
    wal.fill(1_200_000, 5000);
    const directory = directories.newDirectory();
    let end: Lsn;
    {
      await using safekeeper = await SafekeeperProcess.start(directories, { directory });
      const proposer = await withWal(safekeeper, id, wal);
      const acknowledged = wal.end;
      wal.record(20_000);
      end = wal.record(20_000);
      wal.record(20_000);
      proposer.append(acknowledged, wal.bytes(acknowledged, end + 9000n));
      await proposer.flushedTo(end);
      const other = await TestProposer.connect(safekeeper.pgPort, id);
      await other.greet();
      await other.vote(5n);
      await safekeeper.kill("SIGKILL");
    }
    await using safekeeper = await SafekeeperProcess.start(directories, { directory });
    const proposer = await TestProposer.connect(safekeeper.pgPort, id);
    expect(await proposer.greet()).toMatchObject({ term: 5n });
    const vote = await proposer.vote(5n);
    expect(vote).toMatchObject({ voteGiven: false, flushLsn: end, timelineStartLsn: START });
    expect(vote.termHistory).toEqual([{ term: 1n, lsn: START }]);
    expect(await proposer.vote(6n)).toMatchObject({ voteGiven: true, flushLsn: end });
    proposer.elected(6n, end, [...vote.termHistory, { term: 6n, lsn: end }], START);
    proposer.append(end, wal.bytes(end), wal.end);
    expect(await proposer.flushedTo(wal.end)).toMatchObject({ term: 6n });
    const reader = await connectTo(safekeeper.pgPort, id);
    const read = await readWal(reader, `START_REPLICATION PHYSICAL ${text(START)}`, START, wal.end);
    expect(read.equals(wal.bytes())).toBe(true);
    reader.destroy();
    proposer.close();
    expect(await safekeeper.kill("SIGTERM")).toBe(0);
  });

  it("a full disk: one error line, and nothing is acknowledged until there is room", async () => {
    await using safekeeper = await SafekeeperProcess.start(directories);
    const id = newId();
    const timeline = join(safekeeper.directory, id.tenantId, id.timelineId);
    const wal = new WalBuilder({ startLsn: START });
    wal.record(100);
    const blocked = join(timeline, "000000010000000000000014.partial.___temp");
    mkdirSync(timeline, { recursive: true });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const proposer = await TestProposer.connect(safekeeper.pgPort, id);
      await proposer.greet();
      await proposer.vote(BigInt(attempt + 1));
      proposer.elected(BigInt(attempt + 1), START, [{ term: BigInt(attempt + 1), lsn: START }]);
      if (attempt < 2) symlinkSync("/dev/full", blocked);
      proposer.append(START, wal.bytes(), wal.end);
      const answer = proposer.flushedTo(wal.end);
      if (attempt < 2) await expect(answer).rejects.toThrow(/failed to write WAL at 0\/14EC3A8: ENOSPC/);
      else expect(await answer).toMatchObject({ flushLsn: wal.end });
      proposer.close();
    }
    expect(safekeeper.log.filter((line) => line.includes(" ERROR "))).toHaveLength(1);
  });

  it.each<[string, (whole: Buffer) => Buffer]>([
    ["torn", (whole) => whole.subarray(0, whole.length / 2)],
    ["empty", (whole) => whole.subarray(0, 0)],
    ["full of zeros", (whole) => Buffer.alloc(whole.length)],
    ["of another term", (whole) => Buffer.from(whole.toString().replace('"term":1', '"term":7'))],
  ])("a control file that is %s is named, not used and not replaced; other timelines go on", async (_how, damage) => {
    const directory = directories.newDirectory();
    const [id, other] = [newId(), newId()];
    const wal = new WalBuilder({ startLsn: START });
    wal.record(100);
    {
      await using safekeeper = await SafekeeperProcess.start(directories, { directory });
      for (const each of [id, other]) (await withWal(safekeeper, each, wal)).close();
      await safekeeper.kill("SIGTERM");
    }
    const path = join(directory, id.tenantId, id.timelineId, "safekeeper.control");
    const damaged = damage(readFileSync(path));
    writeFileSync(path, damaged);
    await using safekeeper = await SafekeeperProcess.start(directories, { directory });
    const proposer = await TestProposer.connect(safekeeper.pgPort, id);
    await expect(proposer.greet()).rejects.toThrow(`could not read ${path}`);
    expect(readFileSync(path).equals(damaged)).toBe(true);
    proposer.close();
    const healthy = await TestProposer.connect(safekeeper.pgPort, other);
    expect(await healthy.greet()).toMatchObject({ term: 1n });
    healthy.close();
  });

  it.each<[string, (path: string) => void, RegExp]>([
    ["short", (path) => truncateSync(path, 1000), /has 1000 bytes, expected \d+ at least/],
    ["missing", (path) => rmSync(path), /is missing/],
  ])("a segment that is %s is named: nobody is told that its WAL is there", async (_how, damage, message) => {
    const directory = directories.newDirectory();
    const id = newId();
    const wal = new WalBuilder({ startLsn: START });
    wal.record(100);
    {
      await using safekeeper = await SafekeeperProcess.start(directories, { directory });
      (await withWal(safekeeper, id, wal)).close();
      await safekeeper.kill("SIGTERM");
    }
    const path = join(directory, id.tenantId, id.timelineId, "000000010000000000000014");
    damage(`${path}.partial`);
    await using safekeeper = await SafekeeperProcess.start(directories, { directory });
    const proposer = await TestProposer.connect(safekeeper.pgPort, id);
    const refusal = proposer.greet();
    await expect(refusal).rejects.toThrow(`the WAL segment ${path}`);
    await expect(refusal).rejects.toThrow(message);
    proposer.close();
  });
});

it("--init makes a directory, whose id stays; --dump-control-file shows a timeline", async () => {
  const run = promisify(execFile);
  const directory = directories.newDirectory();
  const safekeeper = (...args: string[]) => run(engineProgram("safekeeper"), args, { env: programEnvironment });
  await safekeeper("-D", directory, "--id", "7", "--id", "1", "--init", "--enable-offload", "--max-offloader-lag=1");
  expect(readFileSync(join(directory, "safekeeper.id"), "utf8")).toBe("1");
  await expect(safekeeper("-D", directory, "--id", "2", "--init")).rejects.toThrow("ID 2 differs");
  await expect(safekeeper("--bogus")).rejects.toMatchObject({ code: 2 });
  const id = newId();
  await using running = await SafekeeperProcess.start(directories, { directory });
  const wal = new WalBuilder({ startLsn: START });
  wal.record(10);
  (await withWal(running, id, wal)).close();
  expect(await running.kill("SIGTERM")).toBe(0);
  const control = join(directory, id.tenantId, id.timelineId, "safekeeper.control");
  expect(JSON.parse((await safekeeper("--dump-control-file", control)).stdout.replace(/^.*version.*$/m, ""))).toEqual({
    tenant_id: id.tenantId,
    timeline_id: id.timelineId,
    mconf: { generation: 0, members: [], new_members: null },
    acceptor_state: { term: 1, term_history: [{ term: 1, lsn: text(START) }] },
    server: { pg_version: 170005, system_id: 7, wal_seg_size: 1_048_576 },
    proposer_uuid: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    timeline_start_lsn: text(START),
    local_start_lsn: text(START),
    commit_lsn: text(wal.end),
    backup_lsn: text(START),
    peer_horizon_lsn: "0/0",
    remote_consistent_lsn: "0/0",
    partial_backup: { segments: [] },
    eviction_state: "Present",
    creation_ts: { secs_since_epoch: 0, nanos_since_epoch: 0 },
  });
});

it("SIGTERM ends it at once though nobody reads the WAL it sends", async () => {
  await using safekeeper = await SafekeeperProcess.start(directories, { flags: ["--no-sync"] });
  const id = newId();
  const wal = new WalBuilder({ startLsn: START });
  wal.fill(16 << 20, 100_000);
  const proposer = await withWal(safekeeper, id, wal);
  const readers = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const reader = await connectTo(safekeeper.pgPort, id);
      (await reader.copyBoth(`START_REPLICATION PHYSICAL ${text(START)}`)).pause();
      return reader;
    }),
  );
  const begun = performance.now();
  expect(await safekeeper.kill("SIGTERM")).toBe(0);
  expect(performance.now() - begun).toBeLessThan(1000);
  for (const reader of readers) reader.destroy();
  proposer.close();
});

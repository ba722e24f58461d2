import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Lsn } from "../../types";
import { FdatasyncGate } from "./testing/fdatasync-gate";
import { WalBuilder } from "./testing/wal-builder";
import { WalReader } from "./wal-reader";
import { WalStorage } from "./wal-storage";

const MIB = 1024 * 1024;
/** In the middle of a page, as a virgin timeline starts. */
const START = 0x14ec3a8n;

const directories: string[] = [];
function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "sk-wal-"));
  directories.push(directory);
  return directory;
}

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function storageIn(directory: string, events: { flushed?: () => void; sync?: boolean } = {}): WalStorage {
  return new WalStorage({
    directory,
    walSegSize: MIB,
    pgVersion: 17,
    sync: events.sync ?? true,
    onFlushed: () => events.flushed?.(),
    onFailed: () => undefined,
  });
}

async function started(directory: string, start: Lsn = START, flushed?: () => void): Promise<WalStorage> {
  const storage = storageIn(directory, flushed === undefined ? {} : { flushed });
  await storage.cut(start);
  return storage;
}

async function reopened(directory: string, start: Lsn = START): Promise<WalStorage> {
  const storage = storageIn(directory);
  await storage.recover(start);
  return storage;
}

async function readBack(directory: string, from: Lsn, to: Lsn): Promise<Buffer> {
  await using reader = new WalReader(directory, MIB);
  const chunks: Buffer[] = [];
  for (let position = from; position < to;) {
    const chunk = await reader.read(position, Number(to - position));
    if (chunk.length === 0) break;
    chunks.push(chunk);
    position += BigInt(chunk.length);
  }
  return Buffer.concat(chunks);
}

describe("writing", () => {
  it("names, sizes and fills segments as Postgres does", async () => {
    const directory = newDirectory();
    const storage = await started(directory);
    const wal = new WalBuilder({ startLsn: START });
    wal.fill(1_500_000);
    storage.write(wal.bytes());
    await storage.flush();
    await storage.close();
    expect(readdirSync(directory).toSorted()).toEqual([
      "000000010000000000000014",
      "000000010000000000000015",
      "000000010000000000000016.partial",
    ]);
    const first = readFileSync(join(directory, "000000010000000000000014"));
    expect(first.length).toBe(MIB);
    expect(first.subarray(0, 0xec3a8).equals(Buffer.alloc(0xec3a8))).toBe(true);
    expect((await readBack(directory, START, wal.end)).equals(wal.bytes())).toBe(true);
  });

  it("counts as flushed only whole records, and only after fdatasync", async () => {
    using gate = new FdatasyncGate();
    const storage = await started(newDirectory());
    const wal = new WalBuilder({ startLsn: START });
    const firstRecord = wal.record(500);
    wal.record(500);
    storage.write(wal.bytes(START, firstRecord + 100n));
    await new Promise(setImmediate);
    expect([gate.waiting, storage.flushLsn]).toEqual([1, START]);
    gate.open();
    await storage.flush();
    expect(storage.flushLsn).toBe(firstRecord);
    expect(storage.writeLsn).toBe(firstRecord + 100n);
    storage.write(wal.bytes(firstRecord + 100n));
    await storage.flush();
    expect(storage.flushLsn).toBe(wal.end);
    await storage.close();
  });

  it("does not count padding that did not come yet", async () => {
    const storage = await started(newDirectory());
    const wal = new WalBuilder({ startLsn: START });
    const first = wal.record(3);
    const second = wal.record(4);
    storage.write(wal.bytes(START, first));
    await storage.flush();
    storage.write(wal.bytes(first, second - 3n));
    await storage.flush();
    expect(storage.flushLsn).toBe(first);
    storage.write(wal.bytes(second - 3n));
    await storage.flush();
    expect(storage.flushLsn).toBe(second);
    await storage.close();
  });

  it("flushes together what was written during an fdatasync", async () => {
    using gate = new FdatasyncGate();
    const storage = await started(newDirectory());
    const wal = new WalBuilder({ startLsn: START });
    for (let count = 0; count < 50; count += 1) {
      const from = wal.end;
      storage.write(wal.bytes(from, wal.record(100)));
    }
    gate.open();
    await storage.flush();
    expect(storage.flushLsn).toBe(wal.end);
    expect(gate.calls).toBeLessThanOrEqual(2);
    await storage.close();
  });

  it("without sync counts as flushed at once", async () => {
    using gate = new FdatasyncGate();
    const storage = storageIn(newDirectory(), { sync: false });
    await storage.cut(START);
    const wal = new WalBuilder({ startLsn: START });
    wal.record(10);
    storage.write(wal.bytes());
    expect([storage.flushLsn, gate.calls]).toEqual([wal.end, 0]);
    await storage.close();
  });

  it("moves nothing when the disk is full, and goes on when there is room", async () => {
    const directory = newDirectory();
    const storage = await started(directory);
    const wal = new WalBuilder({ startLsn: START });
    wal.fill(20_000);
    const firstPart = wal.end;
    storage.write(wal.bytes());
    await storage.flush();
    wal.fill(MIB);
    symlinkSync("/dev/full", join(directory, "000000010000000000000015.partial.___temp"));
    expect(() => storage.write(wal.bytes(firstPart))).toThrow("ENOSPC");
    await storage.flush();
    expect([storage.writeLsn, storage.flushLsn]).toEqual([firstPart, firstPart]);
    storage.write(wal.bytes(firstPart));
    await storage.flush();
    expect(storage.flushLsn).toBe(wal.end);
    await storage.close();
    expect((await reopened(directory)).flushLsn).toBe(wal.end);
  });

  it("refuses broken WAL and goes on behind the last good record", async () => {
    const storage = await started(newDirectory());
    const wal = new WalBuilder({ startLsn: START });
    const good = wal.record(100);
    wal.record(100);
    const broken = Buffer.from(wal.bytes());
    broken.writeUInt8(broken.readUInt8(broken.length - 50) ^ 1, broken.length - 50);
    expect(() => storage.write(broken)).toThrow();
    await storage.flush();
    expect(storage.writeLsn).toBe(good);
    storage.write(wal.bytes(good));
    await storage.flush();
    expect(storage.flushLsn).toBe(wal.end);
    await storage.close();
  });
});

describe("recovery", () => {
  it.each([
    ["nothing behind the start", 0],
    ["a page's worth", 8192],
    ["several segments", 3 * MIB],
  ])("finds the end: %s", async (_name, bytes) => {
    const directory = newDirectory();
    const storage = await started(directory);
    const wal = new WalBuilder({ startLsn: START });
    if (bytes > 0) wal.fill(bytes, 700);
    storage.write(wal.bytes());
    await storage.flush();
    await storage.close();
    const again = await reopened(directory);
    expect(again.flushLsn).toBe(wal.end);
    const before = wal.end;
    wal.record(3000);
    again.write(wal.bytes(before));
    await again.flush();
    await again.close();
    expect((await reopened(directory, before)).flushLsn).toBe(wal.end);
  });

  it("finds every end that records of any length leave", async () => {
    const directory = newDirectory();
    let storage = await started(directory);
    const wal = new WalBuilder({ startLsn: START });
    for (const payload of [0, 1, 7, 8, 4000, 4060, 8100, 8150, 20_000, 3, 130_000]) {
      const from = wal.end;
      storage.write(wal.bytes(from, wal.record(payload)));
      await storage.flush();
      await storage.close();
      storage = await reopened(directory);
      expect(storage.flushLsn).toBe(wal.end);
    }
    await storage.close();
  });

  it("finds an end exactly at a page's and a segment's end", async () => {
    for (const boundary of [0x14ee000n, 0x1500000n]) {
      const directory = newDirectory();
      const storage = await started(directory);
      const wal = new WalBuilder({ startLsn: START });
      while (boundary - wal.end > 8000n) wal.record(2000);
      wal.record(Number(boundary - wal.end) - 29 - (boundary - wal.end > 8192n - 24n ? 24 : 0));
      expect(wal.end).toBe(boundary);
      storage.write(wal.bytes());
      await storage.flush();
      await storage.close();
      const again = await reopened(directory);
      expect(again.flushLsn).toBe(boundary);
      wal.record(100);
      again.write(wal.bytes(boundary));
      await again.flush();
      expect(again.flushLsn).toBe(wal.end);
      await again.close();
    }
  });

  it("cuts a torn tail and stale WAL behind it", async () => {
    const directory = newDirectory();
    const storage = await started(directory);
    const wal = new WalBuilder({ startLsn: START });
    const good = wal.fill(50_000);
    wal.fill(2 * MIB);
    storage.write(wal.bytes());
    await storage.flush();
    await storage.close();
    // One page of the next record never reached the disk.
    const path = join(directory, "000000010000000000000014");
    const segment = readFileSync(path);
    const offset = Number(good % BigInt(MIB));
    segment.fill(0, offset + 40, offset + 500);
    writeFileSync(path, segment);
    const again = await reopened(directory);
    expect(again.flushLsn).toBe(good);
    expect(readdirSync(directory)).toEqual(["000000010000000000000014.partial"]);
    const tail = readFileSync(`${path}.partial`).subarray(offset);
    expect(tail.equals(Buffer.alloc(tail.length))).toBe(true);
    await again.close();
  });
});

describe("cutting", () => {
  it("removes later segments and goes on with other WAL", async () => {
    const directory = newDirectory();
    const storage = await started(directory);
    const common = new WalBuilder({ startLsn: START });
    const fork = common.fill(30_000);
    const kept = Buffer.from(common.bytes());
    common.fill(2 * MIB);
    storage.write(common.bytes());
    await storage.cut(fork);
    expect([storage.writeLsn, storage.flushLsn]).toEqual([fork, fork]);
    const other = new WalBuilder({ startLsn: fork });
    other.fill(1000);
    storage.write(other.bytes());
    await storage.flush();
    await storage.close();
    expect(existsSync(join(directory, "000000010000000000000015"))).toBe(false);
    expect((await readBack(directory, START, other.end)).equals(Buffer.concat([kept, other.bytes()]))).toBe(true);
    expect((await reopened(directory, fork)).flushLsn).toBe(other.end);
  });

  it("during an fdatasync: what that one flushed is not counted", async () => {
    const directory = newDirectory();
    const answered: Lsn[] = [];
    const storage: WalStorage = await started(directory, START, () => answered.push(storage.flushLsn));
    const wal = new WalBuilder({ startLsn: START });
    const fork = wal.fill(30_000);
    storage.write(wal.bytes());
    await storage.flush();
    using gate = new FdatasyncGate();
    wal.fill(1_200_000);
    storage.write(wal.bytes(fork));
    const cut = storage.cut(fork);
    await new Promise(setImmediate);
    expect(gate.waiting).toBeGreaterThan(0);
    gate.open();
    await cut;
    expect(answered.filter((lsn) => lsn > fork)).toEqual([]);
    expect([storage.writeLsn, storage.flushLsn]).toEqual([fork, fork]);
    await storage.flush();
    expect(storage.flushLsn).toBe(fork);
    await storage.close();
    expect((await reopened(directory)).flushLsn).toBe(fork);
  });

  it("at a segment's start leaves the segment before it whole", async () => {
    const directory = newDirectory();
    const storage = await started(directory, 0x1500000n);
    const wal = new WalBuilder({ startLsn: 0x1500000n });
    wal.fill(1000);
    storage.write(wal.bytes());
    await storage.cut(0x1500000n);
    expect(readdirSync(directory)).toEqual([]);
    expect(storage.flushLsn).toBe(0x1500000n);
    await storage.close();
  });
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findEndOfWal } from "./end-of-wal";
import { segmentFileName, segmentOffset } from "./segments";
import { SEGMENT, WalWriter } from "./wal-writer.test-data";

const START = 9 * SEGMENT - 3 * 8192 + 112;
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "end-of-wal-"));
});

afterEach(() => rmSync(dir, { recursive: true }));

const wal = new WalWriter(START);
for (const length of [333, 40, 9001, 24, 77, 20_000, 8192, 41, 100]) wal.record(length);

/** Segment files as a safekeeper keeps them: zeros before the first byte and after the last, the last one partial. */
function writeSegments(bytes: Buffer): void {
  const from = BigInt(START) - BigInt(segmentOffset(BigInt(START), SEGMENT));
  const file = Buffer.alloc(2 * SEGMENT);
  bytes.copy(file, START - Number(from));
  writeFileSync(join(dir, segmentFileName(from, SEGMENT)), file.subarray(0, SEGMENT));
  writeFileSync(join(dir, `${segmentFileName(from + BigInt(SEGMENT), SEGMENT)}.partial`), file.subarray(SEGMENT));
}

const endOfWal = (): bigint => findEndOfWal(dir, BigInt(START), { walSegSize: SEGMENT, pgVersion: 17 });

/** The physical end of a record: padding is zeros, and so is what follows a cut. */
function lastWholeRecord(cut: number): bigint {
  const withoutPadding = (end: bigint, length: number): number => Number(end) - ((8 - (length % 8)) % 8);
  return wal.written.filter((record) => withoutPadding(record.end, record.length) <= cut).at(-1)?.end ?? BigInt(START);
}

test("the end of complete WAL is its last record's end", () => {
  writeSegments(wal.bytes);
  expect(endOfWal()).toBe(wal.written.at(-1)?.end);
});

test("a tail torn anywhere is floored to the last whole record", () => {
  const cuts = wal.written.flatMap(({ lsn, end, length }) => {
    const middle = Number(lsn) + Math.floor(length / 2);
    return [Number(lsn) + 1, Number(lsn) + 17, middle, Number(end) - 9, Number(end)];
  });
  const pageStarts = [1, 2, 3, 4, 5].flatMap((page) => [0, 1, 23, 24, 39, 40].map((byte) => page * 8192 + byte - 112));
  for (const cut of [...cuts, ...pageStarts.map((offset) => START + offset)]) {
    writeSegments(wal.bytes.subarray(0, cut - START));
    expect([cut, endOfWal()]).toEqual([cut, lastWholeRecord(cut)]);
  }
});

test("a damaged record ends the WAL before it", () => {
  const bytes = wal.bytes;
  const damaged = wal.written[5]?.lsn ?? 0n;
  bytes.writeUInt8(0, Number(damaged) + 12_345 - START);
  writeSegments(bytes);
  expect(endOfWal()).toBe(wal.written[4]?.end);
});

test("a missing segment ends the WAL before it", () => {
  writeSegments(wal.bytes);
  rmSync(join(dir, `${segmentFileName(9n * BigInt(SEGMENT), SEGMENT)}.partial`));
  expect(endOfWal()).toBe(wal.written.filter((record) => record.end <= 9n * BigInt(SEGMENT)).at(-1)?.end);
});

test("names of segments", () => {
  const megabyte = 1024 * 1024;
  expect(segmentFileName(0x1_0000_0000n - 1n, megabyte)).toBe("000000010000000000000FFF");
  expect(segmentFileName(0x1_0000_0000n, megabyte)).toBe("000000010000000100000000");
  expect(segmentFileName(0x16_b5a5_0000n, 16 * megabyte)).toBe("0000000100000016000000B5");
});

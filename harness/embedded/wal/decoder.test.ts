import { describe, expect, test } from "vitest";
import { WalDecoder, WalFormatError } from "./decoder";
import type { WalDecoderOptions } from "./decoder";
import { SEGMENT, WalWriter } from "./wal-writer.test-data";
import type { WrittenRecord } from "./wal-writer.test-data";

const START = 5 * SEGMENT + 3 * 8192 + 80;

function decoderAt(start: number, more: Partial<WalDecoderOptions> = {}): WalDecoder {
  return new WalDecoder({ startLsn: BigInt(start), walSegSize: SEGMENT, pgVersion: 17, checkCrc: true, ...more });
}

/** Decodes in pieces through one buffer that is overwritten each time, as a file reader's is. */
function decode(start: number, bytes: Buffer, chunkSize: number): WrittenRecord[] {
  const seen: WrittenRecord[] = [];
  const decoder = decoderAt(start, {
    onRecord: (record) => {
      expect([record.data().readUInt32LE(0), record.data().length]).toEqual([record.length, record.length]);
      seen.push({ lsn: record.lsn, end: record.end, length: record.length });
    },
  });
  const chunk = Buffer.alloc(chunkSize);
  for (let at = 0; at < bytes.length; at += chunkSize) {
    const length = bytes.copy(chunk, 0, at, at + chunkSize);
    decoder.push(BigInt(start + at), chunk.subarray(0, length));
    const complete = decoder.recordEnd === (seen.at(-1)?.end ?? BigInt(start));
    if (!complete || decoder.recordEnd > decoder.position) throw new Error(`recordEnd ${decoder.recordEnd}`);
    chunk.fill(0xee);
  }
  return seen;
}

/** Every kind of boundary that the format knows. */
function variedWal(): WalWriter {
  const wal = new WalWriter(START);
  for (const length of [24, 25, 31, 32, 33, 8192, 20_001, 7]) wal.record(Math.max(length, 24));
  for (const room of [0, 8, 16, 24, 32]) {
    wal.recordUpTo(room);
    wal.record(40);
  }
  wal.record(2 * SEGMENT + 4321);
  wal.record(60);
  wal.switch();
  wal.record(100);
  wal.record(SEGMENT - (wal.at % SEGMENT) - 20_000);
  while (SEGMENT - (wal.at % SEGMENT) > 8192) wal.recordUpTo(0);
  const last = wal.recordUpTo(0);
  expect(Number(last.end) % SEGMENT).toBe(0);
  wal.record(64);
  return wal;
}

describe("boundaries", () => {
  test.each([1, 7, 8, 4096, 8191, 131_072, 1 << 24])("are the writer's in pieces of %i bytes", (chunkSize) => {
    const wal = variedWal();
    expect(decode(START, wal.bytes, chunkSize)).toEqual(wal.written);
  });

  test.each([
    ["a page", 7 * 8192, 24],
    ["a segment", 3 * SEGMENT, 40],
  ])("at the start of %s: before and after its header are the same place", (_name, start, header) => {
    const wal = new WalWriter(start);
    wal.record(50);
    wal.record(9000);
    expect(decode(start, wal.bytes, 100)).toEqual(wal.written);
    expect(decode(start + header, wal.bytes.subarray(header), 100)).toEqual(wal.written);
    const decoder = decoderAt(start + header);
    decoder.push(BigInt(start), wal.bytes);
    expect(decoder.recordEnd).toBe(wal.written.at(-1)?.end);
  });

  test("a record counts when its padding has come, a switch when the whole segment has", () => {
    const wal = new WalWriter(START);
    const padded = wal.record(41);
    const switched = wal.switch();
    const decoder = decoderAt(START);
    decoder.push(BigInt(START), wal.bytes.subarray(0, 47));
    expect([decoder.recordEnd, decoder.prevRecord]).toEqual([BigInt(START), 0n]);
    decoder.push(decoder.position, wal.bytes.subarray(47, -1));
    expect([decoder.recordEnd, decoder.prevRecord]).toEqual([padded.end, padded.lsn]);
    decoder.push(decoder.position, wal.bytes.subarray(-1));
    expect([decoder.recordEnd, decoder.prevRecord]).toEqual([switched.end, switched.lsn]);
    expect(decoder.recordEnd % BigInt(SEGMENT)).toBe(0n);
  });

  test("a record that its writer never finished is dropped where the next one says so", () => {
    const wal = new WalWriter(START);
    wal.record(100);
    wal.tornRecord(30_000);
    wal.record(58, 0, 0xd0);
    wal.record(500);
    expect(decode(START, wal.bytes, 1000)).toEqual(wal.written);
  });
});

describe("invalid WAL is refused with its LSN", () => {
  const wal = new WalWriter(6 * SEGMENT - 8192 - 104);
  wal.record(100);
  wal.record(400);
  wal.record(20_000);
  const page = 6 * SEGMENT - 8192;
  const third = Number(wal.written[2]?.lsn);
  const damaged = (at: number, write: (bytes: Buffer, offset: number) => void): Buffer => {
    const bytes = Buffer.from(wal.bytes);
    write(bytes, at - wal.start);
    return bytes;
  };

  test.each([
    ["page magic", page, damaged(page, (bytes, at) => bytes.writeUInt16LE(0xd113, at)), /page magic D113/],
    ["page address", page, damaged(page, (bytes, at) => bytes.writeUInt8(1, at + 15)), /page address 1000000\//],
    ["long header", 6 * SEGMENT, damaged(6 * SEGMENT, (bytes, at) => bytes.writeUInt16LE(1, at + 2)), /short header/],
    ["segment size", 6 * SEGMENT, damaged(6 * SEGMENT, (bytes, at) => bytes.writeUInt8(1, at + 35)), /segments of/],
    ["no continuation", 6 * SEGMENT, damaged(6 * SEGMENT, (bytes, at) => bytes.writeUInt16LE(2, at + 2)), /continue/],
    [
      "rest of a record",
      6 * SEGMENT,
      damaged(6 * SEGMENT, (bytes, at) => bytes.writeUInt32LE(77, at + 16)),
      /77 bytes/,
    ],
    ["record length", third, damaged(third, (bytes, at) => bytes.writeUInt32LE(23, at)), /record length 23/],
    ["zeros", third, damaged(third, (bytes, at) => bytes.fill(0, at)), /record length 0/],
    ["xl_prev", third, damaged(third, (bytes, at) => bytes.writeUInt8(1, at + 8)), /xl_prev/],
    ["one bit", third, damaged(third + 19_000, (bytes, at) => bytes.writeUInt8(0, at)), /checksum/],
  ])("%s", (_name, lsn, bytes, message) => {
    for (const chunkSize of [5, bytes.length]) {
      const attempt = (): unknown => decode(wal.start, bytes, chunkSize);
      expect(attempt).toThrow(message);
      expect(attempt).toThrow(WalFormatError);
      expect(lsnOf(attempt)).toBe(BigInt(lsn));
    }
  });

  test("a record that continues where none began", () => {
    const segment = 6 * SEGMENT;
    expect(() => decode(segment, wal.bytes.subarray(segment - wal.start), 4096)).toThrow(/never began/);
  });

  test("a gap between the pieces", () => {
    const decoder = decoderAt(wal.start);
    decoder.push(BigInt(wal.start), wal.bytes.subarray(0, 200));
    expect(() => decoder.push(BigInt(wal.start + 208), wal.bytes.subarray(208))).toThrow(/the next piece starts at/);
  });
});

function lsnOf(attempt: () => unknown): bigint | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    return error instanceof WalFormatError ? error.lsn : undefined;
  }
}

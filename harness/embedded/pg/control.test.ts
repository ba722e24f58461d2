import { describe, expect, test } from "vitest";
import { crc32c } from "../wal/crc32c";
import { DB_STATE, markInProduction, readControl } from "./control";

function controlFile(version = 1700): Buffer {
  const file = Buffer.alloc(8192);
  file.writeBigUInt64LE(7_711_234_035_288_210_277n, 0);
  file.writeUInt32LE(version, 8);
  file.writeUInt32LE(DB_STATE.SHUTDOWNED, 16);
  file.writeBigUInt64LE(0x5d8a78n, 32);
  file.writeBigUInt64LE(0x5d8a78n, 40);
  file.writeUInt32LE(1, 48);
  file.writeUInt32LE(1024 * 1024, 228);
  file.writeUInt32LE(crc32c(file.subarray(0, 288)), 288);
  return file;
}

test("CRC-32C is PostgreSQL's", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(Buffer.from("1234"), Buffer.from("56789"))).toBe(0xe3069283);
});

describe("pg_control", () => {
  test("is marked as of a running server, with nothing else changed", () => {
    const file = controlFile();
    const patched = markInProduction(file);
    expect(readControl(patched)).toEqual({ ...readControl(file), state: DB_STATE.IN_PRODUCTION });
    expect(readControl(file).state).toBe(DB_STATE.SHUTDOWNED);
    const changed = [...file.keys()].filter((offset) => file[offset] !== patched[offset]);
    expect(changed.filter((offset) => offset < 16 || (offset >= 20 && offset < 288) || offset >= 292)).toEqual([]);
    expect(patched.length).toBe(8192);
  });

  test("of an unknown version or with a wrong checksum is refused", () => {
    expect(() => readControl(controlFile(1800))).toThrow(/version 1800/);
    const damaged = controlFile();
    damaged.writeUInt8(1, 40);
    expect(() => markInProduction(damaged)).toThrow(/checksum/);
  });
});

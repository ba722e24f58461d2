import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { crc32c, recordChecksum } from "./crc32c";

test("the checksum of RFC 3720's examples", () => {
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(16, 0xff), Buffer.alloc(16, 0xff))).toBe(0x62a8ab43);
});

test("short records have the same checksum as long ones would have", () => {
  for (let length = 24; length < 700; length += 1) {
    const bytes = randomBytes(length + 7);
    const record = bytes.subarray(7);
    expect(recordChecksum(bytes, 7, length)).toBe(crc32c(record.subarray(24), record.subarray(0, 20)));
  }
});

import { expect, test } from "vitest";

import { ByteReader, ByteWriter, ProtocolError } from "./index";

test("every width is written and read back at its extremes", () => {
  const written = new ByteWriter(1)
    .u8(0xff)
    .u16be(0xfffe)
    .i16be(-2)
    .u32be(0xffff_fffd)
    .i32be(-3)
    .u64be(0xffff_ffff_ffff_fffcn)
    .i64be(-4n)
    .u16le(0x0102)
    .u32le(0x0102_0304)
    .i32le(-5)
    .u64le(0x0102_0304_0506_0708n)
    .i64le(-6n)
    .cstring("größe")
    .bytes(Buffer.from("rest"))
    .finish();
  const reader = new ByteReader(written);
  expect(reader.u8()).toBe(0xff);
  expect(reader.u16be()).toBe(0xfffe);
  expect(reader.i16be()).toBe(-2);
  expect(reader.u32be()).toBe(0xffff_fffd);
  expect(reader.i32be()).toBe(-3);
  expect(reader.u64be()).toBe(0xffff_ffff_ffff_fffcn);
  expect(reader.i64be()).toBe(-4n);
  expect(reader.u16le()).toBe(0x0102);
  expect(reader.u32le()).toBe(0x0102_0304);
  expect(reader.i32le()).toBe(-5);
  expect(reader.u64le()).toBe(0x0102_0304_0506_0708n);
  expect(reader.i64le()).toBe(-6n);
  expect(reader.cstring()).toBe("größe");
  expect(reader.rest().toString()).toBe("rest");
  expect(reader.remaining).toBe(0);
});

test("byte order is the one named", () => {
  expect(new ByteWriter().u32be(0x01020304).u32le(0x01020304).finish().toString("hex")).toBe("0102030404030201");
});

test("reading past the end, a negative count and an open string are protocol errors", () => {
  const reader = new ByteReader(Buffer.from("abc"));
  expect(() => reader.u32be()).toThrow(ProtocolError);
  expect(() => reader.bytes(-1)).toThrow(ProtocolError);
  expect(() => reader.cstring()).toThrow(/terminating zero/);
  expect(reader.rest().toString()).toBe("abc");
});

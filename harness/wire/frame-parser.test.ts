import { expect, test } from "vitest";

import { frame } from "./backend-messages";
import { ProtocolError } from "./errors";
import { FrameParser } from "./frame-parser";
import { encodeStartupPacket } from "./startup-packet";

function parse(bytes: Buffer, chunkSize: number, expectStartup: boolean): [string, string][] {
  const found: [string, string][] = [];
  const deliver = (message: { tag: string; body: Buffer }): void => {
    found.push([message.tag, message.body.toString("hex")]);
  };
  const parser = new FrameParser({ expectStartup, deliver });
  for (let at = 0; at < bytes.length; at += chunkSize) parser.push(bytes.subarray(at, at + chunkSize));
  return found;
}

const sslRequest = Buffer.from("0000000804d2162f", "hex");
const startup = encodeStartupPacket(new Map([["user", "alice"]]));

test.each([1, 2, 3, 4, 5, 6, 7, 13, 1000])("messages are the same in chunks of %i bytes", (chunkSize) => {
  const bytes = Buffer.concat([
    sslRequest,
    startup,
    frame("Q", Buffer.from("hello\0")),
    frame("S"),
    frame("d", Buffer.alloc(40, 7)),
    frame("X"),
  ]);
  expect(parse(bytes, chunkSize, true)).toEqual([
    ["startup", sslRequest.subarray(4).toString("hex")],
    ["startup", startup.subarray(4).toString("hex")],
    ["Q", Buffer.from("hello\0").toString("hex")],
    ["S", ""],
    ["d", "07".repeat(40)],
    ["X", ""],
  ]);
});

test("impossible lengths are refused", () => {
  expect(() => parse(Buffer.from("5100000003", "hex"), 9, false)).toThrow(ProtocolError);
  expect(() => parse(Buffer.from("51ffffffff", "hex"), 9, false)).toThrow(/invalid message length/);
  expect(() => parse(Buffer.from("GET / HTTP/1.1\r\n"), 99, true)).toThrow(ProtocolError);
});

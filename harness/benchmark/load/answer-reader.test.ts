import { expect, test } from "vitest";
import { randomFrom } from "../../types";
import { encodePagestreamResponse, errorResponse, frame, PAGE_SIZE, PgError } from "../../wire";
import type { Message } from "../../wire";
import { AnswerReader } from "./answer-reader";

const rel = { spcNode: 1, dbNode: 2, relNode: 3, forkNum: 0 };
const request = { kind: "getpage", rel, blkno: 0, reqid: 1n, requestLsn: 1n, notModifiedSince: 1n } as never;
const page = frame("d", encodePagestreamResponse(3, request, { kind: "getpage", page: Buffer.alloc(PAGE_SIZE, 1) }));
const refusal = frame("d", encodePagestreamResponse(3, request, { kind: "error", message: "Read error" }));

/** The stream in pieces of these lengths: what was counted, and what was passed on. */
function read(bytes: Buffer, lengthOf: () => number): { pages: number; others: Message[] } {
  let pages = 0;
  const others: Message[] = [];
  const reader = new AnswerReader({ page: () => (pages += 1), other: (message) => others.push(message) });
  for (let at = 0; at < bytes.length;) {
    const length = Math.max(1, lengthOf());
    reader.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { pages, others };
}

test("every page is counted once, wherever the stream is cut", () => {
  const stream = Buffer.concat(Array.from({ length: 5 }, () => page));
  for (const length of [1, 5, 6, 7, page.length - 1, page.length, page.length + 1, stream.length]) {
    expect(read(stream, () => length)).toEqual({ pages: 5, others: [] });
  }
  const random = randomFrom(1);
  for (let round = 0; round < 50; round += 1) {
    expect(read(stream, () => random(10_000)).pages).toBe(5);
  }
});

test("what is no page is read, and so is what follows it", () => {
  const end = errorResponse(new PgError("going down", "57P01"));
  const stream = Buffer.concat([page, page, refusal, page, end]);
  for (const length of [1, 6, 100, stream.length]) {
    const { pages, others } = read(stream, () => length);
    expect(pages).toBe(2);
    expect(others.map(({ tag }) => tag)).toEqual(["d", "d", "E"]);
    expect(others[0]?.body.toString()).toContain("Read error");
  }
});

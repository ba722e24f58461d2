import { expect, test } from "vitest";

import { Lsn } from "../types";
import {
  decodePagestreamRequest,
  decodePagestreamResponse,
  encodePagestreamRequest,
  encodePagestreamResponse,
  MOST_PAGE_MESSAGE_BYTES,
  startPageMessage,
} from "./index";
import type { PagestreamBody, PagestreamRequest, PagestreamResponse, PagestreamVersion } from "./index";

const pgClass = { spcNode: 1663, dbNode: 5, relNode: 1259, forkNum: 0 };
const missing = { ...pgClass, relNode: 99_999 };
const nms = Lsn.parse("0/14EC430");

const latest = (reqid: bigint, body: PagestreamBody): PagestreamRequest => ({
  reqid,
  requestLsn: Lsn.MAX,
  notModifiedSince: nms,
  ...body,
});

/** Bytes that a real compute-side client and a real pageserver exchanged (golden/run/53_pagestream_bytes.txt). */
const golden: [PagestreamVersion, PagestreamRequest, string, PagestreamResponse?, string?][] = [
  [
    2,
    latest(0n, { kind: "exists", rel: pgClass }),
    "00ffffffffffffffff00000000014ec4300000067f00000005000004eb00",
    { kind: "exists", exists: true },
    "6401",
  ],
  [
    2,
    latest(0n, { kind: "nblocks", rel: pgClass }),
    "01ffffffffffffffff00000000014ec4300000067f00000005000004eb00",
    { kind: "nblocks", nblocks: 14 },
    "650000000e",
  ],
  [
    2,
    latest(0n, { kind: "getpage", rel: missing, blkno: 0 }),
    "02ffffffffffffffff00000000014ec4300000067f000000050001869f0000000000",
    { kind: "error", message: "Read error" },
    "6752656164206572726f7200",
  ],
  [
    2,
    latest(0n, { kind: "dbsize", dbNode: 5 }),
    "03ffffffffffffffff00000000014ec43000000005",
    { kind: "dbsize", size: 0x726000n },
    "680000000000726000",
  ],
  [
    2,
    latest(0n, { kind: "slru", slruKind: 0, segno: 0x37 }),
    "04ffffffffffffffff00000000014ec4300000000037",
    { kind: "error", message: "Read error" },
    "6752656164206572726f7200",
  ],
  [
    3,
    latest(1n, { kind: "exists", rel: pgClass }),
    "000000000000000001ffffffffffffffff00000000014ec4300000067f00000005000004eb00",
    { kind: "exists", exists: true },
    "640000000000000001ffffffffffffffff00000000014ec4300000067f00000005000004eb0001",
  ],
  [
    3,
    latest(3n, { kind: "nblocks", rel: pgClass }),
    "010000000000000003ffffffffffffffff00000000014ec4300000067f00000005000004eb00",
    { kind: "nblocks", nblocks: 14 },
    "650000000000000003ffffffffffffffff00000000014ec4300000067f00000005000004eb000000000e",
  ],
  [
    3,
    latest(6n, { kind: "getpage", rel: missing, blkno: 0 }),
    "020000000000000006ffffffffffffffff00000000014ec4300000067f000000050001869f0000000000",
    { kind: "error", message: "Read error" },
    "670000000000000006ffffffffffffffff00000000014ec43052656164206572726f7200",
  ],
  [
    3,
    latest(7n, { kind: "dbsize", dbNode: 5 }),
    "030000000000000007ffffffffffffffff00000000014ec43000000005",
    { kind: "dbsize", size: 0x726000n },
    "680000000000000007ffffffffffffffff00000000014ec430000000050000000000726000",
  ],
  [
    3,
    {
      reqid: 14n,
      requestLsn: 23n,
      notModifiedSince: 23n,
      kind: "test",
      batchKey: 42n,
      message: Buffer.from("message"),
    },
    "63000000000000000e00000000000000170000000000000017000000000000002a00000000000000076d657373616765",
    { kind: "test", batchKey: 42n, message: Buffer.from("message") },
    "c7000000000000000e00000000000000170000000000000017000000000000002a00000000000000076d657373616765",
  ],
];

test.each(golden)("v%i bytes are those of a real pageserver: %o", (version, request, requestHex, response, hex) => {
  expect(encodePagestreamRequest(version, request).toString("hex")).toBe(requestHex);
  expect(decodePagestreamRequest(version, Buffer.from(requestHex, "hex"))).toEqual(request);
  if (response === undefined || hex === undefined) return;
  expect(encodePagestreamResponse(version, request, response).toString("hex")).toBe(hex);
  expect(decodePagestreamResponse(version, Buffer.from(hex, "hex"))).toEqual({ reqid: request.reqid, ...response });
});

test.each([2, 3] as const)(
  "v%i pages and SLRU segments go round, with the lengths a real pageserver sends",
  (version) => {
    const getpage = latest(version === 3 ? 4n : 0n, { kind: "getpage", rel: pgClass, blkno: 7 });
    const page = Buffer.alloc(8192, 0xab);
    const encodedPage = encodePagestreamResponse(version, getpage, { kind: "getpage", page });
    expect(encodedPage.length).toBe(version === 2 ? 8193 : 8234);
    expect(decodePagestreamResponse(version, encodedPage)).toEqual({ reqid: getpage.reqid, kind: "getpage", page });

    const slru = latest(version === 3 ? 9n : 0n, { kind: "slru", slruKind: 0, segno: 0 });
    const answer = { kind: "slru", blocks: 1, data: page } as const;
    const encodedSlru = encodePagestreamResponse(version, slru, answer);
    expect(encodedSlru.length).toBe(version === 2 ? 8197 : 8226);
    expect(decodePagestreamResponse(version, encodedSlru)).toEqual({ reqid: slru.reqid, ...answer });
  },
);

test.each([2, 3] as const)("v%i: a message whose page is filled in later is the same", (version) => {
  const request = latest(version === 3 ? 4n : 0n, { kind: "getpage", rel: pgClass, blkno: 7 });
  const page = Buffer.alloc(8192, 0xab);
  const payload = encodePagestreamResponse(version, request, { kind: "getpage", page });
  const head = Buffer.from([0x64, 0, 0, 0, 0]);
  head.writeUInt32BE(payload.length + 4, 1);
  const target = Buffer.alloc(10 + MOST_PAGE_MESSAGE_BYTES, 0xff);
  // What follows a request is none of its business.
  const encoded = Buffer.concat([encodePagestreamRequest(version, request), Buffer.from("more")]);
  const at = startPageMessage(target, 10, version, encoded);
  expect(target.subarray(at)).toEqual(Buffer.alloc(target.length - at, 0xff));
  page.copy(target, at);
  expect(target.subarray(10, at + page.length)).toEqual(Buffer.concat([head, payload]));
  expect(target.subarray(0, 10)).toEqual(Buffer.alloc(10, 0xff));
});

test("an unknown tag is refused in the pageserver's words, a short message as a protocol error", () => {
  expect(() => decodePagestreamRequest(2, Buffer.from("4dffffffffffffffff00000000014ec430", "hex"))).toThrow(
    "invalid tag 77",
  );
  expect(() => decodePagestreamRequest(3, Buffer.from("00ffff", "hex"))).toThrow(/too short/);
  expect(() => decodePagestreamResponse(2, Buffer.from("01", "hex"))).toThrow("unknown response tag 1");
});

import { ByteReader } from "./byte-reader";
import { ByteWriter } from "./byte-writer";
import { ProtocolError } from "./errors";
import { readRelTag, writeRequestBody, writeRequestHead } from "./pagestream";
import type { PagestreamRequest, PagestreamVersion } from "./pagestream";

export const PAGE_SIZE = 8192;

export type PagestreamResponse =
  | { kind: "exists"; exists: boolean }
  | { kind: "nblocks"; nblocks: number }
  | { kind: "getpage"; page: Buffer }
  | { kind: "error"; message: string }
  | { kind: "dbsize"; size: bigint }
  | { kind: "slru"; blocks: number; data: Buffer }
  | { kind: "test"; batchKey: bigint; message: Buffer };

const TAG = { exists: 100, nblocks: 101, getpage: 102, error: 103, dbsize: 104, slru: 105, test: 199 } as const;

/** In version 3 the response repeats the request's head and, but for errors and Test, what it asked for. */
export function encodePagestreamResponse(
  version: PagestreamVersion,
  request: PagestreamRequest,
  response: PagestreamResponse,
): Buffer {
  const writer = new ByteWriter(capacityFor(response)).u8(TAG[response.kind]);
  if (version === 3) {
    writeRequestHead(writer, version, request);
    if (response.kind !== "error" && response.kind !== "test") writeRequestBody(writer, request);
  }
  return writeAnswer(writer, response).finish();
}

const COPY_DATA = "d".charCodeAt(0);
/** What an answer with a page repeats of its request in version 3: number, two LSNs, relation and block. */
const REPEATED_BYTES = 8 + 16 + 17;

/**
 * Writes the beginning of a CopyData message with a page at `at`, and returns where its page begins, which is to be filled in:
 * `encodePagestreamResponse` for very many. `request` is the GetPage request as it came.
 */
export function startPageMessage(target: Buffer, at: number, version: PagestreamVersion, request: Buffer): number {
  const repeated = version === 3 ? REPEATED_BYTES : 0;
  target[at] = COPY_DATA;
  target.writeUInt32BE(4 + 1 + repeated + PAGE_SIZE, at + 1);
  target[at + 5] = TAG.getpage;
  request.copy(target, at + 6, 1, 1 + repeated);
  return at + 6 + repeated;
}

/** The longest that such a message can be. */
export const MOST_PAGE_MESSAGE_BYTES = 6 + REPEATED_BYTES + PAGE_SIZE;

function capacityFor(response: PagestreamResponse): number {
  switch (response.kind) {
    case "getpage":
      return 64 + response.page.length;
    case "slru":
      return 64 + response.data.length;
    case "test":
      return 64 + response.message.length;
    default:
      return 64;
  }
}

function writeAnswer(writer: ByteWriter, response: PagestreamResponse): ByteWriter {
  switch (response.kind) {
    case "exists":
      return writer.u8(response.exists ? 1 : 0);
    case "nblocks":
      return writer.u32be(response.nblocks);
    case "getpage":
      return writer.bytes(response.page);
    case "error":
      return writer.cstring(response.message);
    case "dbsize":
      return writer.i64be(response.size);
    case "slru":
      return writer.u32be(response.blocks).bytes(response.data);
    case "test":
      return writer.u64be(response.batchKey).u64be(BigInt(response.message.length)).bytes(response.message);
  }
}

/** `reqid` is 0 in version 2. Throws ProtocolError when the payload is no response. */
export function decodePagestreamResponse(
  version: PagestreamVersion,
  payload: Buffer,
): PagestreamResponse & { reqid: bigint } {
  const reader = new ByteReader(payload);
  const tag = reader.u8();
  const repeated = version === 3;
  const reqid = repeated ? reader.u64be() : 0n;
  // The two LSNs of the request.
  if (repeated) reader.bytes(16);
  switch (tag) {
    case TAG.exists:
      if (repeated) readRelTag(reader);
      return { reqid, kind: "exists", exists: reader.u8() !== 0 };
    case TAG.nblocks:
      if (repeated) readRelTag(reader);
      return { reqid, kind: "nblocks", nblocks: reader.u32be() };
    case TAG.getpage:
      if (repeated) reader.bytes(17);
      return { reqid, kind: "getpage", page: reader.bytes(PAGE_SIZE) };
    case TAG.error:
      return { reqid, kind: "error", message: reader.cstring() };
    case TAG.dbsize:
      if (repeated) reader.u32be();
      return { reqid, kind: "dbsize", size: reader.i64be() };
    case TAG.slru:
      if (repeated) reader.bytes(5);
      return { reqid, kind: "slru", blocks: reader.u32be(), data: reader.rest() };
    case TAG.test: {
      const batchKey = reader.u64be();
      return { reqid, kind: "test", batchKey, message: reader.bytes(Number(reader.u64be())) };
    }
    default:
      throw new ProtocolError(`unknown response tag ${tag}`);
  }
}

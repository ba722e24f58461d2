import type { Lsn } from "../types";
import { ByteReader } from "./byte-reader";
import { ByteWriter } from "./byte-writer";
import { PgError } from "./errors";

export type PagestreamVersion = 2 | 3;

export interface RelTag {
  spcNode: number;
  dbNode: number;
  relNode: number;
  forkNum: number;
}

export type PagestreamBody =
  | { kind: "exists" | "nblocks"; rel: RelTag }
  | { kind: "getpage"; rel: RelTag; blkno: number }
  | { kind: "dbsize"; dbNode: number }
  | { kind: "slru"; slruKind: number; segno: number }
  | { kind: "test"; batchKey: bigint; message: Buffer };

/** `reqid` is 0 in version 2. A requestLsn of `Lsn.MAX` means the latest. */
export type PagestreamRequest = { reqid: bigint; requestLsn: Lsn; notModifiedSince: Lsn } & PagestreamBody;

/** Big-endian throughout (neon-protocols §4.1). */
export const REQUEST_TAG = { exists: 0, nblocks: 1, getpage: 2, dbsize: 3, slru: 4, test: 99 } as const;

export function writeRelTag(writer: ByteWriter, rel: RelTag): ByteWriter {
  return writer.u32be(rel.spcNode).u32be(rel.dbNode).u32be(rel.relNode).u8(rel.forkNum);
}

export function readRelTag(reader: ByteReader): RelTag {
  return { spcNode: reader.u32be(), dbNode: reader.u32be(), relNode: reader.u32be(), forkNum: reader.u8() };
}

/** What identifies the object asked for: the end of a request, and repeated in the responses of version 3. */
export function writeRequestBody(writer: ByteWriter, request: PagestreamBody): ByteWriter {
  switch (request.kind) {
    case "exists":
    case "nblocks":
      return writeRelTag(writer, request.rel);
    case "getpage":
      return writeRelTag(writer, request.rel).u32be(request.blkno);
    case "dbsize":
      return writer.u32be(request.dbNode);
    case "slru":
      return writer.u8(request.slruKind).u32be(request.segno);
    case "test":
      return writer.u64be(request.batchKey).u64be(BigInt(request.message.length)).bytes(request.message);
  }
}

export function writeRequestHead(
  writer: ByteWriter,
  version: PagestreamVersion,
  request: PagestreamRequest,
): ByteWriter {
  if (version === 3) writer.u64be(request.reqid);
  return writer.u64be(request.requestLsn).u64be(request.notModifiedSince);
}

export function encodePagestreamRequest(version: PagestreamVersion, request: PagestreamRequest): Buffer {
  const size = request.kind === "test" ? 64 + request.message.length : 64;
  const writer = new ByteWriter(size).u8(REQUEST_TAG[request.kind]);
  return writeRequestBody(writeRequestHead(writer, version, request), request).finish();
}

/** Throws PgError `invalid tag N` as a pageserver does, ProtocolError when the payload is too short. */
export function decodePagestreamRequest(version: PagestreamVersion, payload: Buffer): PagestreamRequest {
  const reader = new ByteReader(payload);
  const tag = reader.u8();
  const kind = kindOfTag(tag);
  if (kind === undefined) throw new PgError(`invalid tag ${tag}`);
  const reqid = version === 3 ? reader.u64be() : 0n;
  return { reqid, requestLsn: reader.u64be(), notModifiedSince: reader.u64be(), ...readBody(kind, reader) };
}

function kindOfTag(tag: number): PagestreamBody["kind"] | undefined {
  switch (tag) {
    case REQUEST_TAG.exists:
      return "exists";
    case REQUEST_TAG.nblocks:
      return "nblocks";
    case REQUEST_TAG.getpage:
      return "getpage";
    case REQUEST_TAG.dbsize:
      return "dbsize";
    case REQUEST_TAG.slru:
      return "slru";
    case REQUEST_TAG.test:
      return "test";
    default:
      return undefined;
  }
}

function readBody(kind: PagestreamBody["kind"], reader: ByteReader): PagestreamBody {
  switch (kind) {
    case "exists":
    case "nblocks":
      return { kind, rel: readRelTag(reader) };
    case "getpage":
      return { kind, rel: readRelTag(reader), blkno: reader.u32be() };
    case "dbsize":
      return { kind, dbNode: reader.u32be() };
    case "slru":
      return { kind, slruKind: reader.u8(), segno: reader.u32be() };
    case "test": {
      const batchKey = reader.u64be();
      return { kind, batchKey, message: reader.bytes(Number(reader.u64be())) };
    }
  }
}

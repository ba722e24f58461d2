import { TenantId, TimelineId } from "../types";
import { ByteReader } from "./byte-reader";
import { ByteWriter } from "./byte-writer";
import { PgError, ProtocolError } from "./errors";
import { decodePageserverFeedback, encodePageserverFeedback } from "./pageserver-feedback";
import type {
  AcceptorMessage,
  AppendRequest,
  AppendResponse,
  ProposerGreeting,
  ProposerMessage,
  TermLsn,
  VoteResponse,
} from "./walproposer-messages";

/** Everything is little-endian and begins with a u64 that holds one ASCII character (neon-protocols §5.1). */
const TAG = { greeting: "g", vote: "v", elected: "e", append: "a" } as const;
const PROTOCOL_VERSION = 2;
const MAX_TERM_HISTORY = 1_000_000;

const startMessage = (tag: string, capacity = 128): ByteWriter =>
  new ByteWriter(capacity).u64le(BigInt(tag.charCodeAt(0)));

const readTag = (reader: ByteReader): string => String.fromCharCode(Number(reader.u64le() & 0xffn));

const unknownTag = (tag: string): PgError => new PgError(`unexpected message tag "${tag}"`, "08P01");

function writeTermHistory(writer: ByteWriter, history: readonly TermLsn[]): ByteWriter {
  writer.u32le(history.length);
  for (const { term, lsn } of history) writer.u64le(term).u64le(lsn);
  return writer;
}

function readTermHistory(reader: ByteReader): TermLsn[] {
  const count = reader.u32le();
  if (count > MAX_TERM_HISTORY) throw new ProtocolError(`term history of ${count} entries`);
  return Array.from({ length: count }, () => ({ term: reader.u64le(), lsn: reader.u64le() }));
}

export function encodeProposerMessage(message: ProposerMessage): Buffer {
  const tag = TAG[message.kind];
  switch (message.kind) {
    case "greeting":
      return encodeProposerGreeting(message);
    case "vote":
      return startMessage(tag).u64le(message.term).bytes(message.proposerId).finish();
    case "elected": {
      const writer = startMessage(tag).u64le(message.term).u64le(message.startStreamingAt);
      return writeTermHistory(writer, message.termHistory).u64le(message.timelineStartLsn).finish();
    }
    case "append":
      return encodeAppendRequest(message);
  }
}

function encodeProposerGreeting(message: ProposerGreeting): Buffer {
  return startMessage(TAG.greeting)
    .u32le(message.protocolVersion)
    .u32le(message.pgVersion)
    .bytes(message.proposerId)
    .u64le(message.systemId)
    .bytes(Buffer.from(message.timelineId, "hex"))
    .bytes(Buffer.from(message.tenantId, "hex"))
    .u32le(message.tli)
    .u32le(message.walSegSize)
    .finish();
}

function encodeAppendRequest(message: AppendRequest): Buffer {
  return startMessage(TAG.append, 72 + message.wal.length)
    .u64le(message.term)
    .u64le(message.termStartLsn)
    .u64le(message.beginLsn)
    .u64le(message.endLsn)
    .u64le(message.commitLsn)
    .u64le(message.truncateLsn)
    .bytes(message.proposerId)
    .bytes(message.wal)
    .finish();
}

/** `wal` and `proposerId` share memory with the payload. Throws ProtocolError or PgError when it is no such message. */
export function decodeProposerMessage(payload: Buffer): ProposerMessage {
  const reader = new ByteReader(payload);
  const tag = readTag(reader);
  switch (tag) {
    case TAG.greeting:
      return decodeProposerGreeting(reader);
    case TAG.vote:
      return { kind: "vote", term: reader.u64le(), proposerId: reader.bytes(16) };
    case TAG.elected:
      return {
        kind: "elected",
        term: reader.u64le(),
        startStreamingAt: reader.u64le(),
        termHistory: readTermHistory(reader),
        timelineStartLsn: reader.u64le(),
      };
    case TAG.append:
      return decodeAppendRequest(reader);
    default:
      throw unknownTag(tag);
  }
}

function decodeProposerGreeting(reader: ByteReader): ProposerGreeting {
  const protocolVersion = reader.u32le();
  if (protocolVersion !== PROTOCOL_VERSION) {
    throw new PgError(`unsupported protocol version ${protocolVersion}, expected ${PROTOCOL_VERSION}`);
  }
  return {
    kind: "greeting",
    protocolVersion,
    pgVersion: reader.u32le(),
    proposerId: reader.bytes(16),
    systemId: reader.u64le(),
    timelineId: TimelineId.parse(reader.bytes(16).toString("hex")),
    tenantId: TenantId.parse(reader.bytes(16).toString("hex")),
    tli: reader.u32le(),
    walSegSize: reader.u32le(),
  };
}

function decodeAppendRequest(reader: ByteReader): AppendRequest {
  return {
    kind: "append",
    term: reader.u64le(),
    termStartLsn: reader.u64le(),
    beginLsn: reader.u64le(),
    endLsn: reader.u64le(),
    commitLsn: reader.u64le(),
    truncateLsn: reader.u64le(),
    proposerId: reader.bytes(16),
    wal: reader.rest(),
  };
}

export function encodeAcceptorMessage(message: AcceptorMessage): Buffer {
  switch (message.kind) {
    case "greeting":
      return startMessage(TAG.greeting).u64le(message.term).u64le(message.nodeId).finish();
    case "vote":
      return encodeVoteResponse(message);
    case "append":
      return encodeAppendResponse(message);
  }
}

function encodeVoteResponse(message: VoteResponse): Buffer {
  const writer = startMessage(TAG.vote)
    .u64le(message.term)
    .u64le(message.voteGiven ? 1n : 0n)
    .u64le(message.flushLsn)
    .u64le(message.truncateLsn);
  return writeTermHistory(writer, message.termHistory).u64le(message.timelineStartLsn).finish();
}

function encodeAppendResponse(message: AppendResponse): Buffer {
  const { hotStandby, pageserverFeedback } = message;
  const writer = startMessage(TAG.append, 256)
    .u64le(message.term)
    .u64le(message.flushLsn)
    .u64le(message.commitLsn)
    .i64le(hotStandby.ts)
    .u64le(hotStandby.xmin)
    .u64le(hotStandby.catalogXmin);
  if (pageserverFeedback !== undefined) writer.bytes(encodePageserverFeedback(pageserverFeedback));
  return writer.finish();
}

/** Throws ProtocolError or PgError when the payload is no such message. */
export function decodeAcceptorMessage(payload: Buffer): AcceptorMessage {
  const reader = new ByteReader(payload);
  const tag = readTag(reader);
  switch (tag) {
    case TAG.greeting:
      return { kind: "greeting", term: reader.u64le(), nodeId: reader.u64le() };
    case TAG.vote:
      return {
        kind: "vote",
        term: reader.u64le(),
        voteGiven: reader.u64le() !== 0n,
        flushLsn: reader.u64le(),
        truncateLsn: reader.u64le(),
        termHistory: readTermHistory(reader),
        timelineStartLsn: reader.u64le(),
      };
    case TAG.append:
      return decodeAppendResponse(reader);
    default:
      throw unknownTag(tag);
  }
}

function decodeAppendResponse(reader: ByteReader): AppendResponse {
  const response: AppendResponse = {
    kind: "append",
    term: reader.u64le(),
    flushLsn: reader.u64le(),
    commitLsn: reader.u64le(),
    hotStandby: { ts: reader.i64le(), xmin: reader.u64le(), catalogXmin: reader.u64le() },
  };
  if (reader.remaining > 0) response.pageserverFeedback = decodePageserverFeedback(reader);
  return response;
}

import type { Lsn } from "../types";
import { ByteReader } from "./byte-reader";
import { ByteWriter } from "./byte-writer";
import { ProtocolError } from "./errors";
import { decodePageserverFeedback, encodePageserverFeedback } from "./pageserver-feedback";
import type { PageserverFeedback } from "./pageserver-feedback";

/** Times are microseconds since 2000-01-01 UTC. */
export interface XLogData {
  kind: "xlogData";
  walStart: Lsn;
  /** The end of the WAL that the sender has, not of this message. */
  walEnd: Lsn;
  sendTime: bigint;
  data: Buffer;
}

export interface Keepalive {
  kind: "keepalive";
  walEnd: Lsn;
  sendTime: bigint;
  replyRequested: boolean;
}

export interface StandbyStatusUpdate {
  kind: "statusUpdate";
  write: Lsn;
  flush: Lsn;
  apply: Lsn;
  time: bigint;
  reply: boolean;
}

export interface StandbyHotFeedback {
  kind: "hotStandbyFeedback";
  time: bigint;
  xmin: number;
  xminEpoch: number;
  catalogXmin: number;
  catalogXminEpoch: number;
}

export interface PageserverFeedbackMessage {
  kind: "pageserverFeedback";
  feedback: PageserverFeedback;
}

/** From the sender of WAL. */
export type WalSenderMessage = XLogData | Keepalive;
/** From the receiver of WAL. */
export type WalReceiverMessage = StandbyStatusUpdate | StandbyHotFeedback | PageserverFeedbackMessage;

const TAG = { xlogData: "w", keepalive: "k", statusUpdate: "r", hotStandbyFeedback: "h", pageserverFeedback: "z" };
const POSTGRES_EPOCH_MS = 946_684_800_000;

/** Now (or the given milliseconds since 1970) as replication messages count it. */
export const toPgTime = (epochMs = Date.now()): bigint => BigInt(epochMs - POSTGRES_EPOCH_MS) * 1000n;

const startMessage = (kind: keyof typeof TAG, capacity = 64): ByteWriter =>
  new ByteWriter(capacity).u8(TAG[kind].charCodeAt(0));

export function encodeWalSenderMessage(message: WalSenderMessage): Buffer {
  if (message.kind === "keepalive") {
    const { walEnd, sendTime, replyRequested } = message;
    return startMessage("keepalive")
      .u64be(walEnd)
      .i64be(sendTime)
      .u8(replyRequested ? 1 : 0)
      .finish();
  }
  return startMessage("xlogData", 25 + message.data.length)
    .u64be(message.walStart)
    .u64be(message.walEnd)
    .i64be(message.sendTime)
    .bytes(message.data)
    .finish();
}

/** `data` shares memory with the payload. Throws ProtocolError when the payload is no such message. */
export function decodeWalSenderMessage(payload: Buffer): WalSenderMessage {
  const reader = new ByteReader(payload);
  const tag = String.fromCharCode(reader.u8());
  switch (tag) {
    case TAG.xlogData:
      return {
        kind: "xlogData",
        walStart: reader.u64be(),
        walEnd: reader.u64be(),
        sendTime: reader.i64be(),
        data: reader.rest(),
      };
    case TAG.keepalive:
      return {
        kind: "keepalive",
        walEnd: reader.u64be(),
        sendTime: reader.i64be(),
        replyRequested: reader.u8() !== 0,
      };
    default:
      throw new ProtocolError(`unexpected message "${tag}" from a WAL sender`);
  }
}

export function encodeWalReceiverMessage(message: WalReceiverMessage): Buffer {
  const writer = startMessage(message.kind);
  switch (message.kind) {
    case "statusUpdate":
      writer.u64be(message.write).u64be(message.flush).u64be(message.apply).i64be(message.time);
      return writer.u8(message.reply ? 1 : 0).finish();
    case "hotStandbyFeedback":
      writer.i64be(message.time).u32be(message.xmin).u32be(message.xminEpoch);
      return writer.u32be(message.catalogXmin).u32be(message.catalogXminEpoch).finish();
    case "pageserverFeedback": {
      const map = encodePageserverFeedback(message.feedback);
      return writer.u64be(BigInt(map.length)).bytes(map).finish();
    }
  }
}

/** Throws ProtocolError when the payload is no such message. */
export function decodeWalReceiverMessage(payload: Buffer): WalReceiverMessage {
  const reader = new ByteReader(payload);
  const tag = String.fromCharCode(reader.u8());
  switch (tag) {
    case TAG.statusUpdate:
      return {
        kind: "statusUpdate",
        write: reader.u64be(),
        flush: reader.u64be(),
        apply: reader.u64be(),
        time: reader.i64be(),
        reply: reader.u8() !== 0,
      };
    case TAG.hotStandbyFeedback:
      return {
        kind: "hotStandbyFeedback",
        time: reader.i64be(),
        xmin: reader.u32be(),
        xminEpoch: reader.u32be(),
        catalogXmin: reader.u32be(),
        catalogXminEpoch: reader.u32be(),
      };
    case TAG.pageserverFeedback: {
      const size = Number(reader.u64be());
      return { kind: "pageserverFeedback", feedback: decodePageserverFeedback(new ByteReader(reader.bytes(size))) };
    }
    default:
      throw new ProtocolError(`unexpected message "${tag}" from a WAL receiver`);
  }
}

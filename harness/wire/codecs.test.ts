import { expect, test } from "vitest";

import { TenantId, TimelineId } from "../types";
import {
  decodeAcceptorMessage,
  decodeProposerMessage,
  decodeWalReceiverMessage,
  decodeWalSenderMessage,
  encodeAcceptorMessage,
  encodeProposerMessage,
  encodeWalReceiverMessage,
  encodeWalSenderMessage,
  toPgTime,
} from "./index";
import type { AcceptorMessage, ProposerMessage, WalReceiverMessage, WalSenderMessage } from "./index";

const proposerId = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");
const termHistory = [
  { term: 1n, lsn: 0x14e_c430n },
  { term: 7n, lsn: 0x1_0000_0000n },
];
const feedback = {
  currentTimelineSize: 123_456n,
  lastReceivedLsn: 5n,
  diskConsistentLsn: 4n,
  remoteConsistentLsn: 3n,
  replyTime: 800_000_000_000_000n,
  shardNumber: 0,
};

const proposerMessages: ProposerMessage[] = [
  {
    kind: "greeting",
    protocolVersion: 2,
    pgVersion: 170_000,
    proposerId,
    systemId: 0xfedc_ba98_7654_3210n,
    timelineId: TimelineId.generate(),
    tenantId: TenantId.generate(),
    tli: 1,
    walSegSize: 16 << 20,
  },
  { kind: "vote", term: 3n, proposerId },
  { kind: "elected", term: 3n, startStreamingAt: 99n, termHistory, timelineStartLsn: 98n },
  {
    kind: "append",
    term: 3n,
    termStartLsn: 1n,
    beginLsn: 2n,
    endLsn: 6n,
    commitLsn: 1n,
    truncateLsn: 0n,
    proposerId,
    wal: Buffer.from("wal!"),
  },
];

test.each(proposerMessages)("the proposer's $kind goes round", (message) => {
  expect(decodeProposerMessage(encodeProposerMessage(message))).toEqual(message);
});

const append = {
  kind: "append",
  term: 3n,
  flushLsn: 6n,
  commitLsn: 5n,
  hotStandby: { ts: -1n, xmin: 2n, catalogXmin: 3n },
};
const acceptorMessages = [
  { kind: "greeting", term: 3n, nodeId: 2n },
  { kind: "vote", term: 3n, voteGiven: true, flushLsn: 6n, truncateLsn: 1n, termHistory, timelineStartLsn: 98n },
  { kind: "vote", term: 3n, voteGiven: false, flushLsn: 0n, truncateLsn: 0n, termHistory: [], timelineStartLsn: 0n },
  append,
  { ...append, pageserverFeedback: feedback },
  { ...append, pageserverFeedback: { ...feedback, shardNumber: 3 } },
] as AcceptorMessage[];

test.each(acceptorMessages)("the acceptor's $kind goes round", (message) => {
  expect(decodeAcceptorMessage(encodeAcceptorMessage(message))).toEqual(message);
});

test("walproposer messages are little-endian behind an eight-byte tag, feedback inside them is big-endian", () => {
  const vote = encodeProposerMessage({ kind: "vote", term: 3n, proposerId }).toString("hex");
  expect(vote).toBe(`7600000000000000${"0300000000000000"}${proposerId.toString("hex")}`);
  const response = encodeAcceptorMessage({ ...append, pageserverFeedback: feedback } as AcceptorMessage);
  const key = Buffer.from("current_timeline_size\0").toString("hex");
  expect(response.toString("hex", 56)).toMatch(new RegExp(`^05${key}00000008${"000000000001e240"}`));
});

test("foreign, short and unsupported walproposer messages are refused", () => {
  expect(() => decodeProposerMessage(Buffer.from("7a00000000000000", "hex"))).toThrow(/unexpected message tag "z"/);
  expect(() => decodeAcceptorMessage(Buffer.from("6700000000000000aa", "hex"))).toThrow(/too short/);
  const greeting = encodeProposerMessage({ ...proposerMessages[0], protocolVersion: 9 } as ProposerMessage);
  expect(() => decodeProposerMessage(greeting)).toThrow("unsupported protocol version 9, expected 2");
});

const time = toPgTime();
const senderMessages: WalSenderMessage[] = [
  { kind: "xlogData", walStart: 16n, walEnd: 1n << 40n, sendTime: time, data: Buffer.from("records") },
  { kind: "keepalive", walEnd: 17n, sendTime: time, replyRequested: true },
];
const receiverMessages: WalReceiverMessage[] = [
  { kind: "statusUpdate", write: 3n, flush: 2n, apply: 1n, time, reply: false },
  { kind: "hotStandbyFeedback", time, xmin: 700, xminEpoch: 1, catalogXmin: 600, catalogXminEpoch: 2 },
  { kind: "pageserverFeedback", feedback },
];

test.each(senderMessages)("the WAL sender's $kind goes round", (message) => {
  expect(decodeWalSenderMessage(encodeWalSenderMessage(message))).toEqual(message);
});

test.each(receiverMessages)("the WAL receiver's $kind goes round", (message) => {
  expect(decodeWalReceiverMessage(encodeWalReceiverMessage(message))).toEqual(message);
});

test("replication times count microseconds since 2000", () => {
  expect(toPgTime(Date.UTC(2000, 0, 1, 0, 0, 1))).toBe(1_000_000n);
});

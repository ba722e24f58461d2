export { ByteReader } from "./byte-reader";
export { ByteWriter } from "./byte-writer";
export { errorResponse, frame } from "./backend-messages";
export { ClientAuthentication } from "./client-authentication";
export { CopyBothStream } from "./copy-both-stream";
export type { CopyOutStream } from "./copy-out-stream";
export { ConnectionError, PgError, ProtocolError } from "./errors";
export type { PgSeverity } from "./errors";
export { FrameParser } from "./frame-parser";
export type { Message } from "./frame-parser";
export { PgConnection } from "./pg-connection";
export type { PgConnectOptions, PgResult } from "./pg-connection";
export { PgServer } from "./pg-server";
export type { PgServerOptions } from "./pg-server";
export { PgServerConnection } from "./pg-server-connection";
export type { PgServerHandler } from "./pg-server-connection";
export { decodePageserverFeedback, encodePageserverFeedback } from "./pageserver-feedback";
export type { PageserverFeedback } from "./pageserver-feedback";
export { decodePagestreamRequest, encodePagestreamRequest } from "./pagestream";
export type { PagestreamBody, PagestreamRequest, PagestreamVersion, RelTag } from "./pagestream";
export {
  MOST_PAGE_MESSAGE_BYTES,
  PAGE_SIZE,
  decodePagestreamResponse,
  encodePagestreamResponse,
  startPageMessage,
} from "./pagestream-response";
export type { PagestreamResponse } from "./pagestream-response";
export {
  decodeWalReceiverMessage,
  decodeWalSenderMessage,
  encodeWalReceiverMessage,
  encodeWalSenderMessage,
  toPgTime,
} from "./replication";
export type {
  Keepalive,
  PageserverFeedbackMessage,
  StandbyHotFeedback,
  StandbyStatusUpdate,
  WalReceiverMessage,
  WalSenderMessage,
  XLogData,
} from "./replication";
export {
  decodeAcceptorMessage,
  decodeProposerMessage,
  encodeAcceptorMessage,
  encodeProposerMessage,
} from "./walproposer";
export type {
  AcceptorGreeting,
  AcceptorMessage,
  AppendRequest,
  AppendResponse,
  HotStandbyFeedback,
  ProposerElected,
  ProposerGreeting,
  ProposerMessage,
  TermLsn,
  VoteRequest,
  VoteResponse,
} from "./walproposer-messages";
export { PagestreamClient } from "./pagestream-client";
export type { PagestreamAnswer, PagestreamCall, PagestreamClientOptions } from "./pagestream-client";
export { SlowReader } from "./slow-reader";
export type { PipeFacts, SlowReaderOptions } from "./slow-reader";
export { encodeStartupPacket, parseStartupPacket } from "./startup-packet";

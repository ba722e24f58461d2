import { type Lsn, TenantId, TimelineId } from "../../types";
import { type ProtobufValue, protobufFields, protobufRecord, ProtobufWriter } from "./protobuf";

/** What a safekeeper tells everybody about one of its timelines. Field numbers: storage_broker.SafekeeperTimelineInfo. */
export interface SafekeeperTimelineInfo {
  safekeeperId: bigint;
  tenantId: TenantId;
  timelineId: TimelineId;
  lastLogTerm: bigint;
  flushLsn: Lsn;
  commitLsn: Lsn;
  backupLsn: Lsn;
  remoteConsistentLsn: Lsn;
  peerHorizonLsn: Lsn;
  localStartLsn: Lsn;
  safekeeperConnstr: string;
  availabilityZone?: string;
  term: bigint;
  httpConnstr: string;
  standbyHorizon: Lsn;
}

export interface TenantTimelineId {
  tenantId: TenantId;
  timelineId: TimelineId;
}

/** MessageType of a TypedMessage; it is also the number of the field that holds the message. */
export const MESSAGE_TYPES = { SAFEKEEPER_TIMELINE_INFO: 2, DISCOVERY_REQUEST: 3, DISCOVERY_RESPONSE: 4 } as const;

type Fields = Map<number, ProtobufValue>;

function u64(fields: Fields, field: number): bigint {
  const value = fields.get(field);
  return typeof value === "bigint" ? value : 0n;
}

function bytes(fields: Fields, field: number): Buffer {
  const value = fields.get(field);
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}

function encodeTenantTimelineId(id: TenantTimelineId): Buffer {
  return new ProtobufWriter()
    .bytes(1, Buffer.from(id.tenantId, "hex"))
    .bytes(2, Buffer.from(id.timelineId, "hex"))
    .finish();
}

/** Throws for ids that are not 16 bytes long. */
export function decodeTenantTimelineId(message: Buffer): TenantTimelineId {
  const fields = protobufRecord(message);
  return {
    tenantId: TenantId.parse(bytes(fields, 1).toString("hex")),
    timelineId: TimelineId.parse(bytes(fields, 2).toString("hex")),
  };
}

export function encodeSafekeeperTimelineInfo(info: SafekeeperTimelineInfo): Buffer {
  return new ProtobufWriter()
    .u64(1, info.safekeeperId)
    .bytes(2, encodeTenantTimelineId(info))
    .u64(3, info.lastLogTerm)
    .u64(4, info.flushLsn)
    .u64(5, info.commitLsn)
    .u64(6, info.backupLsn)
    .u64(7, info.remoteConsistentLsn)
    .u64(8, info.peerHorizonLsn)
    .u64(9, info.localStartLsn)
    .string(10, info.safekeeperConnstr)
    .string(11, info.availabilityZone)
    .u64(12, info.term)
    .string(13, info.httpConnstr)
    .u64(14, info.standbyHorizon)
    .finish();
}

/** Unknown fields are ignored. Throws for input that is no such message. */
export function decodeSafekeeperTimelineInfo(message: Buffer): SafekeeperTimelineInfo {
  const fields = protobufRecord(message);
  return {
    safekeeperId: u64(fields, 1),
    ...decodeTenantTimelineId(bytes(fields, 2)),
    lastLogTerm: u64(fields, 3),
    flushLsn: u64(fields, 4),
    commitLsn: u64(fields, 5),
    backupLsn: u64(fields, 6),
    remoteConsistentLsn: u64(fields, 7),
    peerHorizonLsn: u64(fields, 8),
    localStartLsn: u64(fields, 9),
    safekeeperConnstr: bytes(fields, 10).toString("utf8"),
    ...(fields.has(11) ? { availabilityZone: bytes(fields, 11).toString("utf8") } : {}),
    term: u64(fields, 12),
    httpConnstr: bytes(fields, 13).toString("utf8"),
    standbyHorizon: u64(fields, 14),
  };
}

/** SubscribeSafekeeperInfoRequest: everything, or one timeline. */
export function encodeSubscribeRequest(filter: "all" | TenantTimelineId): Buffer {
  const request = new ProtobufWriter();
  return filter === "all"
    ? request.bytes(1, Buffer.alloc(0), "always").finish()
    : request.bytes(2, encodeTenantTimelineId(filter)).finish();
}

/** Throws when neither alternative of the request is set. */
export function decodeSubscribeRequest(message: Buffer): "all" | TenantTimelineId {
  const fields = protobufRecord(message);
  if (fields.has(2)) return decodeTenantTimelineId(bytes(fields, 2));
  if (fields.has(1)) return "all";
  throw new Error("missing tenant_timeline_id");
}

/** SubscribeByFilterRequest: the types wanted, of every timeline or of one. */
export function decodeFilterRequest(message: Buffer): { types: ReadonlySet<number>; filter: "all" | TenantTimelineId } {
  const types = new Set<number>();
  let filter: "all" | TenantTimelineId = "all";
  for (const [field, value] of protobufFields(message)) {
    if (!Buffer.isBuffer(value)) continue;
    const inner = protobufRecord(value);
    if (field === 1) types.add(Number(u64(inner, 1)));
    if (field === 2 && u64(inner, 1) !== 0n) filter = decodeTenantTimelineId(bytes(inner, 2));
  }
  if (types.size === 0) throw new Error("missing types");
  return { types, filter };
}

/** A message on its way through the broker: what is routed on, and the inner message as it came. */
export interface RoutedMessage extends TenantTimelineId {
  type: number;
  body: Buffer;
}

export function routeTimelineInfo(body: Buffer): RoutedMessage {
  const id = decodeTenantTimelineId(bytes(protobufRecord(body), 2));
  return { type: MESSAGE_TYPES.SAFEKEEPER_TIMELINE_INFO, body, ...id };
}

export function encodeTypedMessage(message: RoutedMessage): Buffer {
  return new ProtobufWriter().u64(1, BigInt(message.type)).bytes(message.type, message.body, "always").finish();
}

/** Throws for a type that the broker does not know or a message that is not there. */
export function decodeTypedMessage(message: Buffer): RoutedMessage {
  const fields = protobufRecord(message);
  const type = Number(u64(fields, 1));
  if (!Object.values<number>(MESSAGE_TYPES).includes(type)) throw new Error(`unknown message type ${type}`);
  if (!fields.has(type)) throw new Error(`missing message of type ${type}`);
  const body = bytes(fields, type);
  // A discovery request names its timeline in field 1; the other two messages have the sender's id there.
  const idField = type === MESSAGE_TYPES.DISCOVERY_REQUEST ? 1 : 2;
  return { type, body, ...decodeTenantTimelineId(bytes(protobufRecord(body), idField)) };
}

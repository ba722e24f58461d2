import type { Lsn } from "../types";
import type { ByteReader } from "./byte-reader";
import { ByteWriter } from "./byte-writer";

/** What a pageserver tells about its progress; safekeepers pass it on to the compute. */
export interface PageserverFeedback {
  /** Bytes. */
  currentTimelineSize: bigint;
  lastReceivedLsn: Lsn;
  diskConsistentLsn: Lsn;
  remoteConsistentLsn: Lsn;
  /** Microseconds since 2000-01-01, as everywhere in replication messages. */
  replyTime: bigint;
  shardNumber: number;
}

const KEYS = {
  current_timeline_size: "currentTimelineSize",
  ps_writelsn: "lastReceivedLsn",
  ps_flushlsn: "diskConsistentLsn",
  ps_applylsn: "remoteConsistentLsn",
  ps_replytime: "replyTime",
} as const;
const SHARD_KEY = "shard_number";

/** A map of named, sized values in big-endian order, also inside the little-endian walproposer messages (neon-protocols §5.1). */
export function encodePageserverFeedback(feedback: PageserverFeedback): Buffer {
  const keys = Object.entries(KEYS);
  const withShard = feedback.shardNumber !== 0;
  const writer = new ByteWriter(192).u8(keys.length + (withShard ? 1 : 0));
  for (const [key, field] of keys) {
    writer.cstring(key).i32be(8);
    if (field === "replyTime") writer.i64be(feedback[field]);
    else writer.u64be(feedback[field]);
  }
  if (withShard) writer.cstring(SHARD_KEY).i32be(4).u32be(feedback.shardNumber);
  return writer.finish();
}

/** Unknown keys are skipped: newer pageservers may say more. */
export function decodePageserverFeedback(reader: ByteReader): PageserverFeedback {
  const feedback: PageserverFeedback = {
    currentTimelineSize: 0n,
    lastReceivedLsn: 0n,
    diskConsistentLsn: 0n,
    remoteConsistentLsn: 0n,
    replyTime: 0n,
    shardNumber: 0,
  };
  for (let left = reader.u8(); left > 0; left -= 1) {
    const key = reader.cstring();
    const value = reader.bytes(reader.i32be());
    if (key === SHARD_KEY) feedback.shardNumber = value.readUInt32BE();
    else if (key === "ps_replytime") feedback.replyTime = value.readBigInt64BE();
    else if (key in KEYS) feedback[KEYS[key as keyof typeof KEYS]] = value.readBigUInt64BE();
  }
  return feedback;
}

import { RMGR } from "./constants";
import type { WalRecord } from "./decoder";
import { mainData } from "./records";

/** What pg_logical_emit_message wrote. */
export interface LogicalMessage {
  prefix: string;
  content: Buffer;
}

/** Sizes of xl_logical_message: database u32, transactional u8, three unused, then the lengths of prefix and message, u64. */
const OFFSET = { prefixSize: 8, messageSize: 16, prefix: 24 } as const;

/** Undefined for any other record. The content shares memory with the record. */
export function logicalMessageOf(record: WalRecord): LogicalMessage | undefined {
  if (record.rmid !== RMGR.LOGICAL_MESSAGE) return undefined;
  const body = mainData(record.data());
  // The prefix has a zero at its end, which its length counts.
  const prefixEnd = OFFSET.prefix + Number(body.readBigUInt64LE(OFFSET.prefixSize));
  const end = prefixEnd + Number(body.readBigUInt64LE(OFFSET.messageSize));
  return { prefix: body.toString("utf8", OFFSET.prefix, prefixEnd - 1), content: body.subarray(prefixEnd, end) };
}

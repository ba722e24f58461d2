import type { Lsn } from "../../../types";
import { decodeWalSenderMessage, type PgConnection } from "../../../wire";
import type { TenantTimelineId } from "../acceptor-state";
import { TestProposer } from "./proposer";
import type { SafekeeperProcess } from "./safekeeper-process";
import type { WalBuilder } from "./wal-builder";

/** Reads WAL until `end`; throws on a hole. */
export async function readWal(connection: PgConnection, sql: string, start: Lsn, end: Lsn): Promise<Buffer> {
  const stream = await connection.copyBoth(sql);
  const chunks: Buffer[] = [];
  let position = start;
  for await (const payload of stream) {
    const message = decodeWalSenderMessage(payload);
    if (message.kind !== "xlogData") continue;
    if (message.walStart !== position) throw new Error(`WAL at ${message.walStart} instead of ${position}`);
    chunks.push(message.data);
    position += BigInt(message.data.length);
    if (position >= end) break;
  }
  stream.finish();
  return Buffer.concat(chunks);
}

/** A new timeline with `wal` in it, committed, written in term 1. */
export async function withWal(
  safekeeper: SafekeeperProcess,
  id: TenantTimelineId,
  wal: WalBuilder,
): Promise<TestProposer> {
  const proposer = await TestProposer.connect(safekeeper.pgPort, id);
  await proposer.lead(1n, wal.startLsn);
  proposer.append(wal.startLsn, wal.bytes(), wal.end);
  await proposer.flushedTo(wal.end);
  return proposer;
}

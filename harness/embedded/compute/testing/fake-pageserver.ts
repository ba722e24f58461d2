import { Lsn } from "../../../types";
import { decodeWalSenderMessage, PgConnection, PgError, PgServer, type PgServerConnection } from "../../../wire";
import { streamBase, type WalSource } from "../../pg/base-tar";
import { readImageManifest } from "../../pg/image";
import type { TenantTimelineId } from "../../safekeeper/acceptor-state";

/** Leases LSNs, and serves `stockbackup` from one image and the WAL that the first reachable safekeeper has committed. */
export async function startFakePageserver(options: {
  imageFile: string;
  id: TenantTimelineId;
  safekeeperPorts: () => number[];
  /** Gets each LSN that is leased; the lease is good for a second. */
  onLease: (lsn: string) => void;
  /** Changes the base on its way; undefined ends it. */
  mangle: (piece: Buffer, position: number) => Buffer | undefined;
}): Promise<PgServer> {
  const { imageFile, id, safekeeperPorts, onLease, mangle } = options;
  const imageLsn = Lsn.parse((await readImageManifest(imageFile)).lsn);
  const wal: WalSource = { read: (from, to) => readCommitted(id, safekeeperPorts(), from, to) };
  const query = async (conn: PgServerConnection, sql: string): Promise<void> => {
    const words = sql.split(/\s+/);
    const [command, tenant, timeline, position = ""] = words[0] === "lease" ? words.slice(1) : words;
    if (command === "lsn") {
      onLease(position);
      return conn.sendRows(["valid_until"], [[String(Date.now() + 1_000)]]);
    }
    if (command !== "stockbackup") throw new PgError(`unexpected ${sql}`);
    if (tenant !== id.tenantId || timeline !== id.timelineId) throw new PgError(`Tenant ${tenant} not found`);
    const lsn = position === "latest" ? imageLsn : Lsn.parse(position);
    const copy = conn.startCopyOut();
    let sent = 0;
    for await (const piece of streamBase({ imageFile, wal, lsn })) {
      const mangled = mangle(Buffer.from(piece), sent);
      if (mangled === undefined) break;
      if (!copy.write(mangled)) await copy.drained();
      sent += piece.length;
    }
    copy.finish();
    conn.sendCommandComplete("COPY 0");
  };
  return await PgServer.listen({ host: "127.0.0.1", port: 0, handler: { query } });
}

async function connectToFirst(id: TenantTimelineId, ports: number[]): Promise<PgConnection> {
  const options = `-c timeline_id=${id.timelineId} tenant_id=${id.tenantId}`;
  for (const port of ports) {
    try {
      return await PgConnection.connect({ host: "127.0.0.1", port, parameters: { replication: "true", options } });
    } catch (error) {
      if (port === ports.at(-1)) throw error;
    }
  }
  throw new Error("no safekeeper");
}

async function* readCommitted(id: TenantTimelineId, ports: number[], from: Lsn, to: Lsn): AsyncGenerator<Buffer> {
  const connection = await connectToFirst(id, ports);
  try {
    let at = from;
    for await (const payload of await connection.copyBoth(`START_REPLICATION PHYSICAL ${Lsn.format(from)}`)) {
      const message = decodeWalSenderMessage(payload);
      if (message.kind !== "xlogData") continue;
      const piece = message.data.subarray(0, Number(to - at));
      at += BigInt(piece.length);
      yield piece;
      if (at === to) return;
    }
    throw new Error("the safekeeper ended the stream");
  } finally {
    connection.destroy();
  }
}

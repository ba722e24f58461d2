import { Lsn, type TenantId, type TimelineId } from "../../../types";
import { BrokerClient } from "../../broker/client";
import { createLogger } from "../../service";
import type { TestPageserver } from "./test-pageserver";
import {
  decodeWalReceiverMessage,
  encodeWalSenderMessage,
  PgServer,
  type PgServerConnection,
  toPgTime,
} from "../../../wire";
import type { PageserverFeedback } from "../../../wire";

/** Streams given WAL of one timeline to whoever asks, and remembers the pageserver's feedback. */
export class FakeSafekeeper {
  readonly feedback: PageserverFeedback[] = [];
  readonly startLsns: Lsn[] = [];
  #server: PgServer | undefined;
  #start: Lsn = 0n;
  #wal: Buffer = Buffer.alloc(0);

  /** WAL from `start` on; everything of it is committed. Whoever is connected has to come again for it. */
  serve(start: Lsn, wal: Buffer): void {
    this.#start = start;
    this.#wal = wal;
    for (const connection of this.#server?.connections ?? []) connection.destroy();
  }

  get commitLsn(): Lsn {
    return this.#start + BigInt(this.#wal.length);
  }

  get address(): string {
    return `127.0.0.1:${this.#server?.port}`;
  }

  async listen(): Promise<void> {
    this.#server = await PgServer.listen({
      host: "127.0.0.1",
      port: 0,
      handler: { query: (connection, sql) => this.#query(connection, sql) },
    });
  }

  async stop(): Promise<void> {
    await this.#server?.close();
  }

  async #query(connection: PgServerConnection, sql: string): Promise<void> {
    const from = Lsn.parse(/START_REPLICATION PHYSICAL (\S+)/.exec(sql)?.[1] ?? "");
    this.startLsns.push(from);
    const stream = connection.startCopyBoth();
    const chunk = 10_000;
    for (let offset = Number(from - this.#start); offset < this.#wal.length; offset += chunk) {
      const data = this.#wal.subarray(offset, offset + chunk);
      const walStart = this.#start + BigInt(offset);
      stream.write(
        encodeWalSenderMessage({ kind: "xlogData", walStart, walEnd: this.commitLsn, sendTime: toPgTime(), data }),
      );
    }
    for await (const payload of stream) {
      const message = decodeWalReceiverMessage(payload);
      if (message.kind === "pageserverFeedback") this.feedback.push(message.feedback);
    }
  }
}

/** Tells the broker of a safekeeper ten times a second, as safekeepers do once a second. */
export function announce(
  server: TestPageserver,
  safekeeper: FakeSafekeeper,
  ids: { tenantId: TenantId; timelineId: TimelineId },
): { stop(): void } {
  const broker = new BrokerClient({
    endpoint: `http://127.0.0.1:${server.broker?.port}/`,
    log: createLogger(() => undefined),
  });
  const publisher = broker.publisher();
  const tell = (): void =>
    publisher.publish({
      ...ids,
      safekeeperId: 1n,
      safekeeperConnstr: safekeeper.address,
      commitLsn: safekeeper.commitLsn,
      flushLsn: safekeeper.commitLsn,
      lastLogTerm: 1n,
      term: 1n,
      backupLsn: 0n,
      remoteConsistentLsn: 0n,
      peerHorizonLsn: 0n,
      localStartLsn: 0n,
      standbyHorizon: 0n,
      httpConnstr: "",
    });
  tell();
  const timer = setInterval(tell, 100);
  return {
    stop: () => {
      clearInterval(timer);
      broker.close();
    },
  };
}

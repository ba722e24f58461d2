import { Lsn } from "../../../types";
import { type CopyBothStream, PgConnection } from "../../../wire";
import { decodeWalSenderMessage, encodeWalReceiverMessage, toPgTime } from "../../../wire/replication";
import type { HostPort } from "../../service";
import { WalDecoder } from "../../wal/decoder";
import { stats } from "../stats";
import type { Timeline } from "../timeline/timeline";

export interface WalConnectionOptions {
  readonly timeline: Timeline;
  readonly address: HostPort;
  readonly walSegSize: number;
  /** The token that safekeepers ask for. */
  readonly token: string | undefined;
  readonly signal: AbortSignal;
  /** Called once the safekeeper has begun to stream, and whenever WAL came. */
  readonly onReceived: (lsn: Lsn) => void;
}

/** Nobody waits for these positions; under many small commits every answer would cost as much as the WAL. */
const REPLY_PAUSE_MS = 10;

/** Receives WAL for a timeline from one safekeeper, until either of them ends the connection. Rejects with the reason. */
export async function receiveWal(options: WalConnectionOptions): Promise<void> {
  const { timeline, address, signal } = options;
  const connection = await PgConnection.connect({
    ...address,
    user: "no_user",
    ...(options.token === undefined ? {} : { password: options.token }),
    database: "no_db",
    signal,
    timeoutMs: timeline.conf().milliseconds("walreceiver_connect_timeout"),
    parameters: {
      application_name: "pageserver",
      replication: "true",
      options: `-c timeline_id=${timeline.timelineId} tenant_id=${timeline.shardId.tenantId}`,
    },
  });
  try {
    const start = timeline.lastRecordLsn;
    const stream = await connection.copyBoth(`START_REPLICATION PHYSICAL ${Lsn.format(start)}`);
    options.onReceived(start);
    await new Ingest(stream, start, options).run();
  } finally {
    connection.destroy();
  }
}

/** The stream of one connection: bytes go into the timeline, progress goes back to the safekeeper. */
class Ingest {
  readonly #stream: CopyBothStream;
  readonly #options: WalConnectionOptions;
  readonly #timeline: Timeline;
  readonly #decoder: WalDecoder;
  #position: Lsn;
  #replyPlanned = false;
  #repliedAt = Number.NEGATIVE_INFINITY;
  #failure: Error | undefined;

  constructor(stream: CopyBothStream, start: Lsn, options: WalConnectionOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#timeline = options.timeline;
    this.#position = start;
    this.#decoder = new WalDecoder({
      startLsn: start,
      walSegSize: options.walSegSize,
      pgVersion: options.timeline.pgVersion,
      checkCrc: true,
      onRecord: (record) => {
        options.timeline.metrics.walRecords += 1;
        stats.walRecords += 1;
        options.timeline.seen.note(record);
      },
    });
  }

  async run(): Promise<void> {
    this.#timeline.onProgress = () => this.#planReply();
    this.#planReply();
    this.#stream.onData((payload) => this.#take(payload));
    await this.#stream.ended;
    this.#timeline.onProgress = () => undefined;
    const reason = this.#failure ?? this.#stream.error;
    if (reason !== undefined) throw reason;
  }

  #take(payload: Buffer): void {
    if (this.#failure !== undefined) return;
    try {
      const message = decodeWalSenderMessage(payload);
      if (message.kind === "xlogData") this.#ingest(message.walStart, message.data);
      else if (message.replyRequested) this.#planReply();
    } catch (error) {
      this.#failure = error as Error;
      this.#stream.destroy();
    }
  }

  #ingest(walStart: Lsn, data: Buffer): void {
    const known = this.#position - walStart;
    if (known < 0n || known > BigInt(data.length)) {
      throw new Error(`WAL at ${Lsn.format(walStart)} received, expected ${Lsn.format(this.#position)}`);
    }
    const bytes = data.subarray(Number(known));
    if (bytes.length === 0) return;
    stats.walBytes += bytes.length;
    this.#decoder.push(this.#position, bytes);
    const at = this.#position;
    this.#position += BigInt(bytes.length);
    // The end of a segment switch is known before the zeroes up to there have come.
    const { recordEnd, prevRecord } = this.#decoder;
    const whole = recordEnd <= this.#position ? { end: recordEnd, lastStart: prevRecord } : undefined;
    this.#timeline.ingest(at, bytes, whole);
    this.#options.onReceived(this.#position);
    this.#planReply();
  }

  /** One answer for everything that came in one turn of the event loop, and not one after the other. */
  #planReply(): void {
    if (this.#replyPlanned) return;
    this.#replyPlanned = true;
    const pause = this.#repliedAt + REPLY_PAUSE_MS - performance.now();
    const reply = (): void => {
      this.#replyPlanned = false;
      this.#repliedAt = performance.now();
      if (!this.#stream.finished) this.#reply();
    };
    if (pause > 0) setTimeout(reply, pause);
    else setImmediate(reply);
  }

  #reply(): void {
    const timeline = this.#timeline;
    const write = timeline.lastRecordLsn;
    const flush = timeline.diskConsistentLsn;
    const apply = timeline.remoteClient.visibleRemoteConsistentLsn;
    const time = toPgTime();
    this.#stream.write(encodeWalReceiverMessage({ kind: "statusUpdate", write, flush, apply, time, reply: false }));
    this.#stream.write(
      encodeWalReceiverMessage({
        kind: "pageserverFeedback",
        feedback: {
          currentTimelineSize: BigInt(timeline.logicalSize.value),
          lastReceivedLsn: write,
          diskConsistentLsn: flush,
          remoteConsistentLsn: apply,
          replyTime: time,
          shardNumber: timeline.shardId.shardNumber,
        },
      }),
    );
  }
}

import { openReader } from "./backup/open-reader";
import { Lsn } from "../../types";
import type { CopyBothStream, WalReceiverMessage } from "../../wire";
import { decodeWalReceiverMessage, encodeWalSenderMessage, PgError, toPgTime } from "../../wire";
import { failpoint, pause, sleepAt } from "../service";
import { YoungGarbage } from "../service/young-garbage";
import { segmentStart } from "../wal/segments";
import { minLsn } from "./acceptor-state";
import { NO_HOT_STANDBY, NO_STANDBY_REPLY, type WalSenderFeedback } from "./feedback";
import type { Timeline } from "./timeline";
import { Wakeup } from "./wakeup";
import type { WalReader } from "./wal-reader";

/** Bytes of WAL buffers after which they are collected. */
const garbage = new YoungGarbage(1024 * 1024);

const MAX_SEND_BYTES = 128n * 1024n;
const PAGE_BYTES = 8192n;
const KEEPALIVE_MS = 1000;
const GATHER_MS = 10;
const GATHER_BYTES = 64n * 1024n;

/** How far a receiver may read: what is committed, or, to recover other safekeepers, all of our WAL under one term. */
export type EndOfStream = { upTo: "commit" } | { upTo: "flush"; term: bigint };

/** Ends at `end`, or earlier at a page boundary so that a message is not too large, and never crosses a segment. */
export function chunkEnd(position: Lsn, end: Lsn, walSegSize: number): Lsn {
  const segmentEnd = segmentStart(position, walSegSize) + BigInt(walSegSize);
  const available = minLsn(end, segmentEnd);
  if (available - position <= MAX_SEND_BYTES) return available;
  const limit = position + MAX_SEND_BYTES;
  return limit - (limit % PAGE_BYTES);
}

export interface WalSenderOptions {
  connId: number;
  address: string;
  appname: string;
  timeline: Timeline;
  stream: CopyBothStream;
  start: Lsn;
  end: EndOfStream;
  onPageserverFeedback: () => void;
}

/**
 * A standby asks for the whole segment that it is in. Where the timeline begins within it, what comes before is in the
 * standby's own base, and a stock walreceiver takes a stream that begins there.
 */
function firstPosition({ timeline, start, end }: WalSenderOptions): Lsn {
  const { localStartLsn, timelineStartLsn, server } = timeline.state;
  const isBeginning = localStartLsn === timelineStartLsn && localStartLsn > start && end.upTo === "commit";
  return isBeginning && segmentStart(localStartLsn, server.walSegSize) <= start ? localStartLsn : start;
}

/** One receiver of WAL: START_REPLICATION. */
export class WalSender {
  readonly options: WalSenderOptions;
  feedback: WalSenderFeedback = { kind: "standby", reply: NO_STANDBY_REPLY, hotStandby: NO_HOT_STANDBY };
  readonly #wakeup = new Wakeup();
  #reader: WalReader | undefined;
  #position: Lsn;
  #lastSent = performance.now();
  #ended = false;
  #badReply: unknown;

  constructor(options: WalSenderOptions) {
    this.options = options;
    this.#position = firstPosition(options);
  }

  /** Until the receiver leaves or the timeline is cancelled. Throws what the receiver is to be told. */
  async run(): Promise<void> {
    const { timeline, stream } = this.options;
    const forget = timeline.moved.add(() => this.#wakeup.notify());
    const onCancel = (): void => stream.destroy();
    timeline.cancelled.addEventListener("abort", onCancel);
    timeline.senders.add(this);
    stream.onData((payload) => this.#onReply(payload));
    void stream.ended.then(() => this.#end());
    try {
      await this.#stream();
    } catch (error) {
      // The connection broke in the middle of a message: there is nobody left to tell.
      if (!this.#ended || this.#badReply !== undefined) throw error;
    } finally {
      forget();
      timeline.cancelled.removeEventListener("abort", onCancel);
      timeline.senders.delete(this);
      await this.#reader?.close();
    }
  }

  async #stream(): Promise<void> {
    while (!this.#ended) {
      if (this.#badReply !== undefined) throw this.#badReply;
      const end = this.#available();
      if (this.#position < end) {
        await this.#gather(end);
        await this.#sendChunk(this.#available());
      } else if (!(await this.#wakeup.wait(KEEPALIVE_MS - (performance.now() - this.#lastSent)))) {
        this.#leaveIfCaughtUp();
        await this.#keepalive();
      }
    }
  }

  /** Commits come one by one, and a pageserver can take many of them at once: a little WAL waits for more. */
  async #gather(end: Lsn): Promise<void> {
    if (this.feedback.kind !== "pageserver" || end - this.#position >= GATHER_BYTES) return;
    const left = this.#lastSent + GATHER_MS - performance.now();
    if (left > 0) await pause(left);
  }

  /** A pageserver that has all of it in remote storage keeps a timeline busy that no compute writes to. Neon's words. */
  #leaveIfCaughtUp(): void {
    const { timeline, end, appname } = this.options;
    if (end.upTo !== "commit" || this.feedback.kind !== "pageserver" || timeline.receivers.size > 0) return;
    if (this.feedback.feedback.remoteConsistentLsn < timeline.commitLsn) return;
    const at = Lsn.format(this.#position);
    throw new PgError(`ending streaming to Some("${appname}") at ${at}, receiver is caughtup and there is no computes`);
  }

  /** The position up to which may be sent now. */
  #available(): Lsn {
    const { timeline, end } = this.options;
    const { localStartLsn, term } = timeline.state;
    if (this.#position < localStartLsn) {
      const [asked, first] = [Lsn.format(this.#position), Lsn.format(localStartLsn)];
      throw new PgError(`requested WAL at ${asked}, but this safekeeper has WAL from ${first} on`);
    }
    if (end.upTo === "commit") return timeline.commitLsn;
    if (end.term !== term) throw new PgError(`failed to acquire term ${end.term}, current term ${term}`);
    return timeline.flushLsn;
  }

  async #sendChunk(end: Lsn): Promise<void> {
    const { timeline, stream, appname } = this.options;
    await failpoint("sk-pause-send", timeline.cancelled);
    if (appname === "replica") await sleepAt("sk-send-wal-replica-sleep", timeline.cancelled);
    const walStart = this.#position;
    const { walSegSize } = timeline.state.server;
    this.#reader ??= openReader(timeline);
    const until = chunkEnd(walStart, end, walSegSize);
    const data = await this.#reader.read(walStart, Number(until - walStart));
    if (data.length === 0) throw new PgError(`WAL at ${Lsn.format(walStart)} is not available`);
    this.#position += BigInt(data.length);
    garbage.add(2 * data.length);
    await this.#send(
      encodeWalSenderMessage({ kind: "xlogData", walStart, walEnd: end, sendTime: toPgTime(), data }),
      stream,
    );
  }

  #keepalive(): Promise<void> {
    const message = {
      kind: "keepalive",
      walEnd: this.#available(),
      sendTime: toPgTime(),
      replyRequested: true,
    } as const;
    return this.#send(encodeWalSenderMessage(message), this.options.stream);
  }

  /** Nothing more is read from disk before the receiver has taken what it was sent. */
  async #send(payload: Buffer, stream: CopyBothStream): Promise<void> {
    if (!stream.write(payload)) await stream.drained();
    this.#lastSent = performance.now();
  }

  #end(): void {
    this.#ended = true;
    this.#wakeup.notify();
  }

  #onReply(payload: Buffer): void {
    try {
      this.#record(decodeWalReceiverMessage(payload));
    } catch (error) {
      this.#badReply = error;
      this.#wakeup.notify();
    }
  }

  #record(message: WalReceiverMessage): void {
    if (message.kind === "pageserverFeedback") {
      this.feedback = { kind: "pageserver", feedback: message.feedback };
      this.options.timeline.recordPageserverFeedback(message.feedback);
      this.options.onPageserverFeedback();
      return;
    }
    // A pageserver also sends status updates; its own feedback says more.
    if (this.feedback.kind === "pageserver") return;
    this.feedback = { ...this.feedback, ...this.#standbyPart(message) };
  }

  #standbyPart(message: Exclude<WalReceiverMessage, { kind: "pageserverFeedback" }>) {
    if (message.kind === "statusUpdate") {
      const { write, flush, apply, time, reply } = message;
      return { reply: { writeLsn: write, flushLsn: flush, applyLsn: apply, time, replyRequested: reply } };
    }
    const xid = (epoch: number, value: number) => (BigInt(epoch) << 32n) | BigInt(value);
    const { time, xmin, xminEpoch, catalogXmin, catalogXminEpoch } = message;
    return { hotStandby: { ts: time, xmin: xid(xminEpoch, xmin), catalogXmin: xid(catalogXminEpoch, catalogXmin) } };
  }
}

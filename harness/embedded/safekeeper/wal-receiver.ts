import type {
  AcceptorMessage,
  AppendRequest,
  CopyBothStream,
  PageserverFeedback,
  ProposerGreeting,
  ProposerMessage,
} from "../../wire";
import { decodeProposerMessage, encodeAcceptorMessage } from "../../wire";
import { failpoint, isFailpointSet, type Logger } from "../service";
import { Lsn } from "../../types";
import { YoungGarbage } from "../service/young-garbage";
import { AcceptorError } from "./acceptor";
import { combineHotStandby } from "./feedback";
import { formatHistory } from "./term-history";
import type { Timeline } from "./timeline";
import type { AppendMessage, AppendOutcome } from "./timeline-messages";

/** Answers are cumulative, so a proposer that does not read is not owed each of them. */
const MAX_UNSENT_BYTES = 64 * 1024;

const PAUSE = "sk-acceptor-pausable";

/** Bytes of received WAL after which their buffers are collected. */
const garbage = new YoungGarbage(1024 * 1024);

export interface WalReceiverOptions {
  connId: number;
  stream: CopyBothStream;
  log: Logger;
  /** Finds the timeline of the greeting, or creates it if the proposer may do that. */
  openTimeline: (greeting: ProposerGreeting) => Promise<Timeline>;
}

/** One proposer that pushes WAL: START_WAL_PUSH. */
export class WalReceiver {
  readonly connId: number;
  status: "Voting" | "Streaming" = "Voting";
  readonly #options: WalReceiverOptions;
  #timeline: Timeline | undefined;
  #isAnswering = false;
  #proposerId = Buffer.alloc(0);
  #proposerUuid = "";
  #toldFeedback: PageserverFeedback | undefined;
  #forgetTimeline: () => void = () => undefined;

  constructor(options: WalReceiverOptions) {
    this.connId = options.connId;
    this.#options = options;
  }

  /** Until the proposer leaves or the timeline is cancelled. Throws what the proposer is to be told. */
  async run(): Promise<void> {
    this.#options.stream.offer((payload) => this.#takeAtOnce(payload));
    try {
      for await (const payload of this.#options.stream) await this.#handle(decodeProposerMessage(payload));
    } finally {
      this.#forgetTimeline();
    }
  }

  /** WAL usually finds nothing under way: then it is written before another message is looked at, without a promise. */
  #takeAtOnce(payload: Buffer): boolean {
    const timeline = this.#timeline;
    if (timeline === undefined || isFailpointSet(PAUSE)) return false;
    const message = decodeProposerMessage(payload);
    if (message.kind !== "append") return false;
    const outcome = timeline.appendAtOnce(this.#withUuid(message));
    if (outcome !== undefined) this.#written(timeline, message, outcome);
    return outcome !== undefined;
  }

  async #handle(message: ProposerMessage): Promise<void> {
    if (message.kind === "greeting") return this.#greet(message);
    const timeline = this.#timeline;
    if (timeline === undefined) throw new AcceptorError(`got ${message.kind} before a greeting`);
    switch (message.kind) {
      case "vote":
        return this.#vote(timeline, message.term);
      case "elected": {
        const { term, startStreamingAt, termHistory } = message;
        const history = formatHistory(termHistory);
        this.#log(`received ProposerElected term=${term}, start=${Lsn.format(startStreamingAt)}, history=${history}`);
        await timeline.elected(message);
        this.status = "Streaming";
        return;
      }
      case "append":
        return this.#append(timeline, message);
    }
  }

  async #greet(greeting: ProposerGreeting): Promise<void> {
    const timeline = await this.#options.openTimeline(greeting);
    if (this.#timeline === undefined) this.#attach(timeline);
    const term = await timeline.greet(greeting);
    this.#log(`processed greeting from walproposer ${greeting.proposerId.toString("hex")}, sending term ${term}`);
    this.#send({ kind: "greeting", term, nodeId: BigInt(timeline.nodeId) });
  }

  #attach(timeline: Timeline): void {
    this.#timeline = timeline;
    timeline.receivers.add(this);
    const forgetFlushed = timeline.flushed.add(() => {
      if (this.status === "Streaming") this.#answerAppend(timeline);
    });
    const onCancel = (): void => this.#options.stream.destroy();
    timeline.cancelled.addEventListener("abort", onCancel);
    this.#forgetTimeline = () => {
      forgetFlushed();
      timeline.cancelled.removeEventListener("abort", onCancel);
      timeline.receivers.delete(this);
    };
  }

  async #vote(timeline: Timeline, term: bigint): Promise<void> {
    const { granted, ...reply } = await timeline.vote(term);
    const flush = Lsn.format(reply.flushLsn);
    this.#log(`processed VoteRequest for term ${term}: term=${reply.term}, granted=${granted}, flush_lsn=${flush}`);
    this.#send({ kind: "vote", voteGiven: granted, ...reply, termHistory: [...reply.termHistory] });
  }

  async #append(timeline: Timeline, message: AppendRequest): Promise<void> {
    await failpoint(PAUSE, timeline.cancelled);
    this.#written(timeline, message, await timeline.append(this.#withUuid(message)));
  }

  /** The id as text is made once: it is the same in every message. */
  #withUuid(message: AppendRequest): AppendMessage {
    const { proposerId } = message;
    if (!this.#proposerId.equals(proposerId)) {
      this.#proposerId = Buffer.from(proposerId);
      this.#proposerUuid = proposerId.toString("hex");
    }
    return { ...message, proposerUuid: this.#proposerUuid };
  }

  #written(timeline: Timeline, message: AppendRequest, outcome: AppendOutcome): void {
    garbage.add(message.wal.length);
    // WAL is answered when it is on disk; heartbeats and superseded proposers at once.
    if (outcome === "superseded" || message.wal.length === 0) this.#answerAppend(timeline);
  }

  /** One answer for all that came at once. */
  #answerAppend(timeline: Timeline): void {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    process.nextTick(() => {
      this.#isAnswering = false;
      this.#sendAnswer(timeline);
    });
  }

  #sendAnswer(timeline: Timeline): void {
    if (this.#options.stream.writableLength > MAX_UNSENT_BYTES) return;
    const { pageserverFeedback } = timeline;
    const isNews = pageserverFeedback !== undefined && pageserverFeedback !== this.#toldFeedback;
    this.#toldFeedback = pageserverFeedback;
    this.#send({
      kind: "append",
      term: timeline.state.term,
      flushLsn: timeline.flushLsn,
      commitLsn: timeline.commitLsn,
      hotStandby: combineHotStandby([...timeline.senders].map((sender) => sender.feedback)),
      ...(isNews ? { pageserverFeedback } : {}),
    });
  }

  #send(message: AcceptorMessage): void {
    this.#options.stream.write(encodeAcceptorMessage(message));
  }

  #log(text: string): void {
    this.#options.log.info(text);
  }
}

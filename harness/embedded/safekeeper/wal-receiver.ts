import type { AcceptorMessage, AppendRequest, CopyBothStream, ProposerGreeting, ProposerMessage } from "../../wire";
import { decodeProposerMessage, encodeAcceptorMessage } from "../../wire";
import { failpoint, type Logger } from "../service";
import { Lsn } from "../../types";
import { YoungGarbage } from "../service/young-garbage";
import { AcceptorError } from "./acceptor";
import { combineHotStandby } from "./feedback";
import { formatHistory } from "./term-history";
import type { Timeline } from "./timeline";

/** Answers are cumulative, so a proposer that does not read is not owed each of them. */
const MAX_UNSENT_BYTES = 64 * 1024;

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
  #forgetTimeline: () => void = () => undefined;

  constructor(options: WalReceiverOptions) {
    this.connId = options.connId;
    this.#options = options;
  }

  /** Until the proposer leaves or the timeline is cancelled. Throws what the proposer is to be told. */
  async run(): Promise<void> {
    try {
      for await (const payload of this.#options.stream) await this.#handle(decodeProposerMessage(payload));
    } finally {
      this.#forgetTimeline();
    }
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
    garbage.add(message.wal.length);
    await failpoint("sk-acceptor-pausable", timeline.cancelled);
    const outcome = await timeline.append({ ...message, proposerUuid: message.proposerId.toString("hex") });
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
    this.#send({
      kind: "append",
      term: timeline.state.term,
      flushLsn: timeline.flushLsn,
      commitLsn: timeline.commitLsn,
      hotStandby: combineHotStandby([...timeline.senders].map((sender) => sender.feedback)),
      ...(pageserverFeedback === undefined ? {} : { pageserverFeedback }),
    });
  }

  #send(message: AcceptorMessage): void {
    this.#options.stream.write(encodeAcceptorMessage(message));
  }

  #log(text: string): void {
    this.#options.log.info(text);
  }
}

import { HarnessError } from "../../types";
import type { Random } from "../../types";
import { decodePagestreamResponse, PgConnection } from "../../wire";
import type { CopyBothStream, Message } from "../../wire";
import { AnswerReader } from "./answer-reader";
import type { Latencies } from "./latencies";
import { COMMAND, PageRequests } from "./page-request";
import type { PageTarget } from "./page-request";

const READ_BUFFER_BYTES = 256 * 1024;

/** One connection. Answers come in the order of the requests, so a queue of times is all that it keeps of them. */
export class PageClient implements Disposable {
  readonly #connection: PgConnection;
  readonly #requests: PageRequests;
  readonly #pages: number;
  readonly #random: Random;
  #began: number[] = [];
  #first = 0;
  #due: number[] = [];
  #onAnswer: (now: number) => void = () => undefined;
  /** When the answers came that are looked at. */
  #now = 0;
  #failure: Error | undefined;
  latencies: Latencies | undefined;
  answered = 0;

  private constructor(connection: PgConnection, stream: CopyBothStream, target: PageTarget, random: Random) {
    this.#connection = connection;
    this.#requests = new PageRequests(target);
    this.#pages = target.pages;
    this.#random = random;
    const other = (message: Message): void => this.#fail(badAnswer(message));
    const reader = new AnswerReader({ page: () => this.#accept(), other });
    stream.onBytes((chunk) => {
      this.#now = performance.now();
      reader.push(chunk);
    });
    void stream.ended.then(() => this.#fail(stream.error ?? new Error("the page service ended the stream")));
  }

  static async connect(target: PageTarget, random: Random): Promise<PageClient> {
    const { host, port } = target;
    const connection = await PgConnection.connect({ host, port, readBufferBytes: READ_BUFFER_BYTES });
    return new PageClient(connection, await connection.copyBoth(COMMAND(target)), target, random);
  }

  get outstanding(): number {
    return this.#began.length - this.#first;
  }

  /** Why it can't go on, if it can't. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  onAnswer(listener: (now: number) => void): void {
    this.#onAnswer = listener;
  }

  /** Asks for a random page, by the next write; its latency counts from `began`. */
  ask(began: number): void {
    this.#began.push(began);
    this.#due.push(this.#random(this.#pages));
    // What is asked for while one chunk of answers is looked at goes out together.
    if (this.#due.length === 1) queueMicrotask(() => this.#write());
  }

  [Symbol.dispose](): void {
    this.#connection.destroy();
  }

  #write(): void {
    const blocks = this.#due;
    this.#due = [];
    this.#connection.socket.write(this.#requests.encode(blocks));
  }

  #accept(): void {
    const began = this.#began[this.#first] ?? 0;
    this.#first += 1;
    if (this.#first === 4096) {
      this.#began = this.#began.slice(this.#first);
      this.#first = 0;
    }
    this.answered += 1;
    this.latencies?.add(this.#now - began);
    this.#onAnswer(this.#now);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
  }
}

function badAnswer({ tag, body }: Message): HarnessError {
  return new HarnessError("PROTOCOL_ERROR", {
    summary: "the page service does not give the page that a load generator asked for",
    expected: "a page",
    found: tag === "d" ? describe(body) : `a message ${tag}: ${body.toString().replaceAll("\0", " ")}`,
  });
}

function describe(payload: Buffer): string {
  const answer = decodePagestreamResponse(3, payload);
  return answer.kind === "error" ? answer.message : `an answer of kind ${answer.kind}`;
}

import {
  type AcceptorMessage,
  decodeAcceptorMessage,
  encodeProposerMessage,
  PgConnection,
  PgError,
} from "../../../wire";
import type { CopyBothStream, ProposerMessage, VoteResponse } from "../../../wire";
import type { HostPort } from "../../service";
import { addressText, type ProposedTimeline, safekeeperConnection, type WalIdentity } from "./timeline";

const PROTOCOL_VERSION = 2;
const CONNECT_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 10_000;
/** What initdb of this engine uses; no safekeeper tells it before it was greeted with it. */
const WAL_SEG_SIZE = 1024 * 1024;

export interface AcceptorTarget {
  address: HostPort;
  timeline: ProposedTimeline;
  proposerId: Buffer;
  /** Undefined in an election: then the safekeeper is asked for the system id that it knows. */
  identity: WalIdentity | undefined;
  signal: AbortSignal;
}

/** One connection to one safekeeper that has been greeted (neon-protocols §5.1). */
export class AcceptorSession {
  readonly address: string;
  /** The term of the safekeeper when it answered our greeting. */
  greetedTerm = 0n;
  nodeId = 0n;
  readonly identity: WalIdentity;
  readonly #connection: PgConnection;
  readonly #stream: CopyBothStream;
  readonly #proposerId: Buffer;
  #listener: ((message: AcceptorMessage) => void) | undefined;
  #failure: Error | undefined;

  private constructor(connection: PgConnection, stream: CopyBothStream, target: AcceptorTarget, identity: WalIdentity) {
    this.identity = identity;
    this.address = addressText(target.address);
    this.#connection = connection;
    this.#stream = stream;
    this.#proposerId = target.proposerId;
    stream.onData((payload) => this.#receive(payload));
  }

  /** Connects and greets. Rejects with PgError, ProtocolError or ConnectionError. */
  static async open(target: AcceptorTarget): Promise<AcceptorSession> {
    const { address, timeline, signal } = target;
    const options = safekeeperConnection(timeline, address, "walproposer");
    const connection = await PgConnection.connect({ ...options, signal, timeoutMs: CONNECT_TIMEOUT_MS });
    try {
      const identity = target.identity ?? (await knownIdentity(connection));
      const push = await connection.copyBoth("START_WAL_PUSH (proto_version '2', allow_timeline_creation 'true')");
      const session = new AcceptorSession(connection, push, target, identity);
      await session.#greet(target);
      return session;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  get closed(): boolean {
    return this.#connection.closed.aborted || this.#failure !== undefined;
  }

  /** Resolves when the session is over, for whatever reason; see `error`. */
  get ended(): Promise<void> {
    return this.#stream.ended;
  }

  get error(): Error {
    return this.#failure ?? this.#stream.error ?? new Error(`safekeeper ${this.address} closed the connection`);
  }

  async #greet(target: AcceptorTarget): Promise<void> {
    const { tenantId, timelineId, pgVersion } = target.timeline;
    const answer = await this.#ask({
      kind: "greeting",
      protocolVersion: PROTOCOL_VERSION,
      pgVersion,
      proposerId: this.#proposerId,
      ...this.identity,
      timelineId,
      tenantId,
      tli: 1,
    });
    if (answer.kind !== "greeting") throw new Error(`${this.address} answered our greeting with ${answer.kind}`);
    this.greetedTerm = answer.term;
    this.nodeId = answer.nodeId;
  }

  /** Asks for a vote. The answer's flush LSN is final for all lower terms: the safekeeper flushes before it answers. */
  async vote(term: bigint): Promise<VoteResponse> {
    const answer = await this.#ask({ kind: "vote", term, proposerId: this.#proposerId });
    if (answer.kind !== "vote") throw new Error(`${this.address} answered our vote request with ${answer.kind}`);
    return answer;
  }

  /** Takes every message from now on. */
  onMessage(listener: (message: AcceptorMessage) => void): void {
    this.#listener = listener;
  }

  /** False means that the socket is full: await drained() before sending more. */
  send(message: ProposerMessage): boolean {
    return this.#stream.write(encodeProposerMessage(message));
  }

  drained(): Promise<void> {
    return this.#stream.drained();
  }

  /** Ends the session; `error` then tells the reason. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#connection.destroy();
  }

  /** Lets what was sent arrive, then closes. */
  async finish(): Promise<void> {
    this.#stream.finish();
    await this.#connection.end();
  }

  close(): void {
    this.#connection.destroy();
  }

  async #ask(message: ProposerMessage): Promise<AcceptorMessage> {
    const timer = setTimeout(
      () =>
        this.fail(
          new Error(`safekeeper ${this.address} did not answer our ${message.kind} in ${ANSWER_TIMEOUT_MS} ms`),
        ),
      ANSWER_TIMEOUT_MS,
    );
    const answer = new Promise<AcceptorMessage>((resolve) => (this.#listener = resolve));
    this.send(message);
    try {
      const first = await Promise.race([answer, this.ended]);
      if (first === undefined) throw this.error;
      return first;
    } finally {
      clearTimeout(timer);
      this.#listener = undefined;
    }
  }

  #receive(payload: Buffer): void {
    try {
      this.#listener?.(decodeAcceptorMessage(payload));
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** What the safekeeper knows of the timeline's Postgres; system id 0 when the timeline is not there yet. */
async function knownIdentity(connection: PgConnection): Promise<WalIdentity> {
  try {
    const { rows } = await connection.query("IDENTIFY_SYSTEM");
    return { systemId: BigInt(rows[0]?.[0] ?? "0"), walSegSize: WAL_SEG_SIZE };
  } catch (error) {
    // "Timeline … was not found in global map": the greeting will create it.
    if (error instanceof PgError) return { systemId: 0n, walSegSize: WAL_SEG_SIZE };
    throw error;
  }
}

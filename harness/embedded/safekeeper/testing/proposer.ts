import { randomBytes } from "node:crypto";
import type { Lsn } from "../../../types";
import type { AcceptorMessage, CopyBothStream, ProposerMessage, TermLsn } from "../../../wire";
import { decodeAcceptorMessage, encodeProposerMessage, PgConnection } from "../../../wire";
import type { TenantTimelineId } from "../acceptor-state";

type Answer<K extends AcceptorMessage["kind"]> = Extract<AcceptorMessage, { kind: K }>;

export const WAL_SEG_SIZE = 1024 * 1024;
export const SYSTEM_ID = 7n;

export function connectTo(port: number, id: TenantTimelineId, parameters: Record<string, string> = {}) {
  const options = `-c timeline_id=${id.timelineId} tenant_id=${id.tenantId}`;
  return PgConnection.connect({ host: "127.0.0.1", port, parameters: { replication: "true", options, ...parameters } });
}

/** A proposer without opinions: it says what the test tells it to, and reads the answers. */
export class TestProposer {
  readonly connection: PgConnection;
  readonly #stream: CopyBothStream;
  readonly #answers: AsyncIterator<Buffer>;
  readonly #id: TenantTimelineId;
  readonly #proposerId = randomBytes(16);
  #term = 0n;

  private constructor(connection: PgConnection, stream: CopyBothStream, id: TenantTimelineId) {
    this.connection = connection;
    this.#stream = stream;
    this.#answers = stream[Symbol.asyncIterator]();
    this.#id = id;
  }

  static async connect(port: number, id: TenantTimelineId): Promise<TestProposer> {
    const connection = await connectTo(port, id);
    const sql = "START_WAL_PUSH (proto_version '2', allow_timeline_creation 'true')";
    return new TestProposer(connection, await connection.copyBoth(sql), id);
  }

  async greet(greeting: { systemId?: bigint; walSegSize?: number } = {}): Promise<Answer<"greeting">> {
    this.send({
      kind: "greeting",
      protocolVersion: 2,
      pgVersion: 170005,
      proposerId: this.#proposerId,
      systemId: greeting.systemId ?? SYSTEM_ID,
      timelineId: this.#id.timelineId,
      tenantId: this.#id.tenantId,
      tli: 1,
      walSegSize: greeting.walSegSize ?? WAL_SEG_SIZE,
    });
    return await this.receive("greeting");
  }

  async vote(term: bigint): Promise<Answer<"vote">> {
    this.send({ kind: "vote", term, proposerId: this.#proposerId });
    return await this.receive("vote");
  }

  elected(term: bigint, startStreamingAt: Lsn, termHistory: TermLsn[], timelineStartLsn = termHistory[0]?.lsn): void {
    this.#term = term;
    this.send({ kind: "elected", term, startStreamingAt, termHistory, timelineStartLsn: timelineStartLsn ?? 0n });
  }

  append(beginLsn: Lsn, wal: Buffer, commitLsn: Lsn = 0n, term = this.#term): void {
    const endLsn = beginLsn + BigInt(wal.length);
    const proposerId = this.#proposerId;
    this.send({
      kind: "append",
      term,
      termStartLsn: 0n,
      beginLsn,
      endLsn,
      commitLsn,
      truncateLsn: 0n,
      proposerId,
      wal,
    });
  }

  /** Greeting, vote and election on a safekeeper that has nothing yet. */
  async lead(term: bigint, start: Lsn): Promise<void> {
    await this.greet();
    await this.vote(term);
    this.elected(term, start, [{ term, lsn: start }]);
  }

  /** Reads answers until flush_lsn is at least `lsn`; returns that answer. */
  async flushedTo(lsn: Lsn): Promise<Answer<"append">> {
    for (;;) {
      const answer = await this.receive("append");
      if (answer.flushLsn >= lsn) return answer;
    }
  }

  send(message: ProposerMessage): void {
    this.#stream.write(encodeProposerMessage(message));
  }

  async receive<K extends AcceptorMessage["kind"]>(kind: K): Promise<Answer<K>> {
    const { value, done } = await this.#answers.next();
    if (done === true || value === undefined) throw new Error(`connection ended instead of ${kind}`);
    const message = decodeAcceptorMessage(value as Buffer);
    if (message.kind !== kind) throw new Error(`${kind} expected, got ${message.kind}`);
    return message as Answer<K>;
  }

  close(): void {
    this.connection.destroy();
  }
}

import { Lsn } from "../../../types";
import { decodeWalSenderMessage, encodeWalReceiverMessage, PgConnection, PgError, toPgTime } from "../../../wire";
import type { CopyBothStream } from "../../../wire";
import { errorText, type Logger } from "../../service";
import { Backoff } from "../backoff";
import { WalproposerPanic } from "./errors";
import { FirstRecordCheck, type ResumePoint } from "./first-record";
import { NO_STANDBY, standbyMessage } from "./hot-standby";
import type { Replicator } from "./replicator";

/** Neon's own name for it. Postgres keeps the WAL behind what we confirmed, also while we are not connected. */
const SLOT = "wal_proposer_slot";
const STATUS_INTERVAL_MS = 1_000;
const DUPLICATE_OBJECT = "42710";

export interface PostgresStreamOptions {
  host: string;
  port: number;
  user: string;
  systemId: bigint;
  /** Where the WAL has to begin with a shutdown checkpoint; undefined when that was seen before. */
  resume: ResumePoint | undefined;
  onResumed: () => void;
  replicator: Replicator;
  log: Logger;
  onPanic: (error: Error) => void;
}

/** Receives Postgres' WAL as its synchronous standby `walproposer` and confirms what a majority of safekeepers has. */
export class PostgresStream {
  readonly #options: PostgresStreamOptions;
  #firstRecord: FirstRecordCheck | undefined;
  #toldHorizon = NO_STANDBY;
  #started: () => void = () => undefined;
  /** Resolves when WAL comes in for the first time. */
  readonly started = new Promise<void>((resolve) => (this.#started = resolve));

  constructor(options: PostgresStreamOptions) {
    this.#options = options;
    this.#firstRecord = this.#newCheck();
  }

  /** Runs until the signal is aborted or Postgres has ended the stream in a clean shutdown. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(20, 500);
    while (!signal.aborted) {
      try {
        if (await this.#stream(signal)) return;
      } catch (error) {
        if (error instanceof WalproposerPanic) return this.#options.onPanic(error);
        if (!signal.aborted) this.#options.log.warn(`replication from Postgres failed: ${errorText(error)}`);
      }
      await backoff.wait(signal);
    }
  }

  async #stream(signal: AbortSignal): Promise<boolean> {
    const { host, port, user, replicator, log } = this.#options;
    const parameters = { replication: "true", application_name: "walproposer" };
    const connection = await PgConnection.connect({ host, port, user, database: "postgres", parameters, signal });
    try {
      await this.#identify(connection);
      await this.#createSlot(connection);
      if (this.#firstRecord !== undefined) this.#firstRecord = this.#newCheck();
      const from = Lsn.format(replicator.ring.end);
      const stream = await connection.copyBoth(`START_REPLICATION SLOT ${SLOT} PHYSICAL ${from} TIMELINE 1`);
      log.info(`WAL proposer starts streaming at ${from}`);
      await this.#follow(stream, signal);
      return stream.peerFinished;
    } finally {
      connection.destroy();
    }
  }

  /** Postgres must be what the base image said, and have replayed all of its WAL: it is past where we go on. */
  async #identify(connection: PgConnection): Promise<void> {
    const { systemId, replicator } = this.#options;
    const { rows } = await connection.query("IDENTIFY_SYSTEM");
    const [foundId, timeline, position] = rows[0] ?? [];
    if (foundId !== String(systemId) || timeline !== "1") {
      const expected = `system ${systemId} on timeline 1`;
      throw new WalproposerPanic(`Postgres is system ${foundId} on timeline ${timeline}, expected ${expected}`);
    }
    if (Lsn.parse(position ?? "0/0") < replicator.ring.end) {
      const expected = Lsn.format(replicator.ring.end);
      throw new WalproposerPanic(`Postgres came up at ${position}, its WAL should reach ${expected}`);
    }
  }

  async #createSlot(connection: PgConnection): Promise<void> {
    try {
      await connection.query(`CREATE_REPLICATION_SLOT ${SLOT} PHYSICAL RESERVE_WAL`);
    } catch (error) {
      if (!(error instanceof PgError && error.code === DUPLICATE_OBJECT)) throw error;
    }
  }

  async #follow(stream: CopyBothStream, signal: AbortSignal): Promise<void> {
    const { replicator } = this.#options;
    const confirm = () => void stream.write(this.#status());
    const tell = () => {
      confirm();
      this.#passOnHorizon(stream);
    };
    const timer = setInterval(tell, STATUS_INTERVAL_MS);
    replicator.onCommit(confirm);
    stream.offer((payload) => this.#takeAtOnce(payload));
    this.#started();
    try {
      for await (const payload of stream) {
        const message = decodeWalSenderMessage(payload);
        if (message.kind === "xlogData") await this.#take(message.walStart, message.data, signal);
        else if (message.replyRequested) confirm();
      }
    } finally {
      clearInterval(timer);
      replicator.onCommit(undefined);
    }
  }

  /** Postgres keeps the rows that standbys still see: the horizon stands in the slot until another one is told. */
  #passOnHorizon(stream: CopyBothStream): void {
    const { hotStandby } = this.#options.replicator;
    const known = this.#toldHorizon;
    if (hotStandby.xmin === known.xmin && hotStandby.catalogXmin === known.catalogXmin) return;
    this.#toldHorizon = hotStandby;
    stream.write(encodeWalReceiverMessage(standbyMessage({ ...hotStandby, ts: toPgTime() })));
  }

  #status(): Buffer {
    const { commitLsn } = this.#options.replicator;
    return encodeWalReceiverMessage({
      kind: "statusUpdate",
      write: commitLsn,
      flush: commitLsn,
      apply: commitLsn,
      time: toPgTime(),
      reply: false,
    });
  }

  /** WAL that needs no check of its first record and finds room is passed on without a promise. */
  #takeAtOnce(payload: Buffer): boolean {
    if (this.#firstRecord !== undefined) return false;
    const { replicator } = this.#options;
    const message = decodeWalSenderMessage(payload);
    if (message.kind !== "xlogData" || !replicator.hasRoomFor(message.data.length)) return false;
    this.#requireContiguous(message.walStart);
    replicator.append(message.data);
    return true;
  }

  #requireContiguous(walStart: Lsn): void {
    const { end } = this.#options.replicator.ring;
    if (walStart === end) return;
    throw new Error(`Postgres sent WAL at ${Lsn.format(walStart)}, expected ${Lsn.format(end)}`);
  }

  async #take(walStart: Lsn, data: Buffer, signal: AbortSignal): Promise<void> {
    const { onResumed } = this.#options;
    const check = this.#firstRecord;
    if (check === undefined) {
      this.#requireContiguous(walStart);
      return await this.#keep(data, signal);
    }
    for (const bytes of check.push(data)) await this.#keep(bytes, signal);
    if (!check.passed) return;
    this.#firstRecord = undefined;
    onResumed();
  }

  #newCheck(): FirstRecordCheck | undefined {
    const { resume } = this.#options;
    return resume === undefined ? undefined : new FirstRecordCheck(resume);
  }

  async #keep(data: Buffer, signal: AbortSignal): Promise<void> {
    const { replicator } = this.#options;
    if (!replicator.hasRoomFor(data.length)) await replicator.roomFor(data.length, signal);
    if (!signal.aborted) replicator.append(data);
  }
}

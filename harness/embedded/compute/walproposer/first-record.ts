import { Lsn } from "../../../types";
import type { PgVersion } from "../../../types";
import { WalDecoder, type WalRecord } from "../../wal/decoder";
import { WalproposerPanic } from "./errors";

const RMGR_XLOG = 0;
const INFO_MASK = 0xf0;
const XLOG_CHECKPOINT_SHUTDOWN = 0x00;

export interface ResumePoint {
  /** Where crash recovery had to end and the new WAL has to begin. */
  lsn: Lsn;
  walSegSize: number;
  pgVersion: PgVersion;
}

/**
 * Holds the new WAL back until its first record has been seen to be the shutdown checkpoint that ends crash recovery.
 * Anything else means that Postgres has not replayed what it was given.
 */
export class FirstRecordCheck {
  readonly #expected: ResumePoint;
  readonly #decoder: WalDecoder;
  readonly #held: Buffer[] = [];
  #next: Lsn;
  #record: WalRecord | undefined;

  constructor(expected: ResumePoint) {
    this.#expected = expected;
    this.#next = expected.lsn;
    this.#decoder = new WalDecoder({
      startLsn: expected.lsn,
      walSegSize: expected.walSegSize,
      pgVersion: expected.pgVersion,
      onRecord: (record) => (this.#record ??= record),
    });
  }

  get passed(): boolean {
    return this.#record !== undefined;
  }

  /** Takes WAL until it has passed; returns what may go on to the safekeepers. Throws WalproposerPanic. */
  push(bytes: Buffer): Buffer[] {
    this.#decoder.push(this.#next, bytes);
    this.#next += BigInt(bytes.length);
    this.#held.push(Buffer.from(bytes));
    if (this.#record === undefined) return [];
    this.#check(this.#record);
    return this.#held;
  }

  #check(record: WalRecord): void {
    if (record.rmid === RMGR_XLOG && (record.info & INFO_MASK) === XLOG_CHECKPOINT_SHUTDOWN) return;
    const found = `rmid ${record.rmid}, info ${record.info}`;
    const lsn = Lsn.format(this.#expected.lsn);
    throw new WalproposerPanic(`the first record at ${lsn} is not a shutdown checkpoint: ${found}`);
  }
}

import type { Lsn } from "../../../types";
import type { WalRecord } from "../../wal/decoder";
import { RMGR } from "../../wal/constants";
import { factOf } from "../../wal/records";

/** Bytes of WAL between two remembered boundaries. */
const STEP = 1024 * 1024;

/** What is remembered of the records that were received since the start of this process. */
export class SeenRecords {
  /** Ends of records about every megabyte: decoding from there is faster than from the start of a layer. */
  readonly boundaries: Lsn[] = [];
  /** End of the newest checkpoint record: recovery from an image at this place has next to nothing to replay. */
  checkpointEnd: Lsn | undefined;

  #next = 0;

  note(record: WalRecord): void {
    // Most records are of no resource manager that is looked into.
    if (record.rmid === RMGR.XLOG && factOf(record)?.kind === "checkpoint") this.checkpointEnd = record.end;
    if (record.endNumber < this.#next) return;
    this.boundaries.push(record.end);
    this.#next = record.endNumber + STEP;
  }
}

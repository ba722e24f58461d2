import type { Lsn } from "../../../types";
import type { WalRecord } from "../../wal/decoder";
import { factOf } from "../../wal/records";

/** Bytes of WAL between two remembered boundaries. */
const STEP = 1024n * 1024n;

/** What is remembered of the records that were received since the start of this process. */
export class SeenRecords {
  /** Ends of records about every megabyte: decoding from there is faster than from the start of a layer. */
  readonly boundaries: Lsn[] = [];
  /** End of the newest checkpoint record: recovery from an image at this place has next to nothing to replay. */
  checkpointEnd: Lsn | undefined;

  note(record: WalRecord): void {
    if (factOf(record)?.kind === "checkpoint") this.checkpointEnd = record.end;
    const last = this.boundaries.at(-1) ?? 0n;
    if (record.end >= last + STEP) this.boundaries.push(record.end);
  }
}

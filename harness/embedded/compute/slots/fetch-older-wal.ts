import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { Lsn } from "../../../types";
import type { BaseFacts } from "../../pg/base-tar";
import { errorText, type Logger } from "../../service";
import { emptyPrefix } from "../../wal/empty-prefix";
import { segmentFileName, segmentOffset, segmentStart } from "../../wal/segments";
import { connectToPageserver } from "../pageserver-connection";
import type { ComputeSpec } from "../spec";

export interface OlderSegmentsOptions {
  dataDir: string;
  base: BaseFacts;
  /** WAL from here on has to be in pg_wal. */
  from: Lsn;
  spec: ComputeSpec;
  log: Logger;
  signal: AbortSignal;
}

/**
 * Brings the WAL that slots still have to decode and the base image doesn't have. Where the pageserver has it no more, the
 * slots are of no use: Postgres itself says so to who reads them.
 */
export async function fetchOlderSegments(options: OlderSegmentsOptions): Promise<void> {
  const { dataDir, base, from, log, signal } = options;
  const until = await firstSegment(join(dataDir, "pg_wal"), base.walSegSize);
  if (until === undefined || from >= until) return;
  try {
    const start = await copyWal(options, until);
    log.info(`WAL from ${Lsn.format(start)} to ${Lsn.format(until)} fetched for the replication slots`);
  } catch (error) {
    signal.throwIfAborted();
    log.warn(`no WAL from ${Lsn.format(from)} on for the replication slots: ${errorText(error)}`);
  }
}

async function firstSegment(walDir: string, walSegSize: number): Promise<Lsn | undefined> {
  const [first] = (await readdir(walDir)).filter((name) => /^[0-9A-F]{24}$/.test(name)).toSorted();
  if (first === undefined) return undefined;
  return (BigInt(`0x${first.slice(8, 16)}`) << 32n) + BigInt(`0x${first.slice(16)}`) * BigInt(walSegSize);
}

/** Returns where the WAL begins. */
async function copyWal({ dataDir, base, from, spec, signal }: OlderSegmentsOptions, until: Lsn): Promise<Lsn> {
  const { walSegSize } = base;
  const connection = await connectToPageserver(spec, signal);
  try {
    const range = `${Lsn.format(segmentStart(from, walSegSize))} ${Lsn.format(until)}`;
    const stream = connection.copyOut(`stockwal ${spec.tenantId} ${spec.timelineId} ${range}`);
    const head = await stream.next();
    if (head.done === true) throw new Error("the pageserver sent nothing");
    const start = head.value.readBigUInt64BE(0);
    if (start > from) throw new Error(`the pageserver has WAL from ${Lsn.format(start)} on`);
    const writer = new SegmentWriter(join(dataDir, "pg_wal"), walSegSize, segmentStart(start, walSegSize));
    // The timeline may begin within the segment.
    await writer.write(emptyPrefix(start, base));
    await writer.write(head.value.subarray(8));
    for await (const piece of stream) await writer.write(piece);
    if (writer.position !== until) throw new Error(`the WAL ends at ${Lsn.format(writer.position)}`);
    return start;
  } finally {
    connection.destroy();
  }
}

/** Writes WAL that begins with a segment into segment files. */
class SegmentWriter {
  readonly #dir: string;
  readonly #segSize: number;
  position: Lsn;

  constructor(dir: string, walSegSize: number, start: Lsn) {
    this.#dir = dir;
    this.#segSize = walSegSize;
    this.position = start;
  }

  async write(bytes: Buffer): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      const offset = segmentOffset(this.position, this.#segSize);
      const part = rest.subarray(0, this.#segSize - offset);
      const path = join(this.#dir, segmentFileName(this.position, this.#segSize));
      const file = await open(path, offset === 0 ? "w" : "r+", 0o600);
      await file.write(part, 0, part.length, offset).finally(() => file.close());
      this.position += BigInt(part.length);
      rest = rest.subarray(part.length);
    }
  }
}

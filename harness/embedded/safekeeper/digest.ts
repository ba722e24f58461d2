import { openReader } from "./backup/open-reader";
import { createHash } from "node:crypto";
import { Lsn } from "../../types";
import { badRequest, internal } from "../service";
import type { Timeline } from "./timeline";

const CHUNK_BYTES = 1024 * 1024;

/** SHA-256 of a timeline's WAL from one LSN to another, as GET digest answers it. */
export async function walDigest(timeline: Timeline, from: Lsn, until: Lsn): Promise<{ sha256: string }> {
  await timeline.ensureResident();
  if (from > until) throw badRequest("from_lsn must be less than or equal to until_lsn");
  if (until > timeline.flushLsn) throw internal(`requested WAL up to ${Lsn.format(until)}, which is not flushed yet`);
  const hash = createHash("sha256");
  await using reader = openReader(timeline);
  for (let position = from; position < until;) {
    const wanted = Number(until - position);
    const bytes = await reader.read(position, Math.min(wanted, CHUNK_BYTES));
    if (bytes.length === 0) throw internal(`there is no WAL at ${Lsn.format(position)}`);
    hash.update(bytes);
    position += BigInt(bytes.length);
  }
  return { sha256: hash.digest("hex") };
}

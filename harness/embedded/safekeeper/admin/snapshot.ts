import { open } from "node:fs/promises";
import { join } from "node:path";
import { tarHeader, tarPadding, TAR_END } from "../../pg/tar";
import { failpoint, jsonText } from "../../service";
import type { Progress } from "../acceptor-state";
import { controlFileText } from "../control-file";
import { PARTIAL } from "../segment-file";
import { listSegments } from "../segment-directory";
import type { Timeline } from "../timeline";

const CHUNK = 512 * 1024;

/**
 * A timeline's control file and all WAL that is on this disk, as a tar. Fails at its end when the history of the WAL changed
 * meanwhile: what was read then may belong to two histories.
 */
export async function* snapshotOf(timeline: Timeline, destination: number): AsyncGenerator<Buffer> {
  const evicted = await handOverEvicted(timeline, destination);
  if (evicted === undefined) await timeline.ensureResident();
  const { term } = timeline.state;
  const { lastLogTerm } = timeline;
  yield* file("safekeeper.control", Buffer.from(controlFileText(timeline.state, evicted ?? timeline.progress)));
  const { walSegSize } = timeline.state.server;
  const onDisk = walSegSize === 0 ? [] : await listSegments(timeline.directory, walSegSize);
  const segments = onDisk.filter(({ name }) => evicted === undefined || !name.endsWith(PARTIAL));
  await failpoint("sk-snapshot-after-list-pausable", timeline.cancelled);
  for (const { name } of segments) yield* fileOnDisk(timeline.directory, name, walSegSize);
  if (timeline.state.term !== term || timeline.lastLogTerm !== lastLogTerm) {
    throw new Error(
      `term changed while the snapshot was made: was ${jsonText(term)}, is ${jsonText(timeline.state.term)}`,
    );
  }
  yield TAR_END;
}

/**
 * What the control file of `destination` has to say of a timeline whose last segment left this disk: it gets a copy in remote
 * storage of its own, so that neither disk has to take it. Undefined where the WAL is here.
 */
async function handOverEvicted(timeline: Timeline, destination: number): Promise<Progress | undefined> {
  const { remote, progress, nodeId } = timeline;
  const { offloadedAt, partialSegments } = progress;
  const last = partialSegments.find(({ status, flushLsn }) => status === "Uploaded" && flushLsn === offloadedAt);
  if (timeline.isResident || remote === undefined || last === undefined) return undefined;
  const name = last.name.replace(new RegExp(`_sk${nodeId}\\.partial$`), `_sk${destination}.partial`);
  await remote.copyPartial(last.name, name);
  return { ...progress, partialSegments: [{ ...last, name }] };
}

function* file(name: string, bytes: Buffer): Generator<Buffer> {
  yield tarHeader({ name, kind: "file", size: bytes.length });
  yield bytes;
  yield tarPadding(bytes.length);
}

async function* fileOnDisk(directory: string, name: string, size: number): AsyncGenerator<Buffer> {
  const handle = await openEither(directory, name);
  try {
    yield tarHeader({ name, kind: "file", size });
    for (let at = 0; at < size;) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(CHUNK), 0, Math.min(CHUNK, size - at), at);
      if (bytesRead === 0) throw new Error(`${join(directory, name)} is shorter than a segment`);
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
    yield tarPadding(size);
  } finally {
    await handle.close();
  }
}

/** The last segment may have got its final name since it was listed. */
async function openEither(directory: string, name: string) {
  try {
    return await open(join(directory, name), "r");
  } catch {
    // Then the other name is the one that says what is wrong.
    return open(join(directory, name.replace(/\.partial$/, "")), "r");
  }
}

import { open } from "node:fs/promises";
import { join } from "node:path";
import { tarHeader, tarPadding, TAR_END } from "../../pg/tar";
import { failpoint, jsonText } from "../../service";
import { controlFileText } from "../control-file";
import { listSegments } from "../segment-directory";
import type { Timeline } from "../timeline";

const CHUNK = 512 * 1024;

/**
 * A timeline's control file and all WAL that is on this disk, as a tar. Fails at its end when the history of the WAL changed
 * meanwhile: what was read then may belong to two histories.
 */
export async function* snapshotOf(timeline: Timeline): AsyncGenerator<Buffer> {
  await timeline.ensureResident();
  const { term } = timeline.state;
  const { lastLogTerm } = timeline;
  const control = Buffer.from(controlFileText(timeline.state, timeline.progress));
  yield* file("safekeeper.control", control);
  const { walSegSize } = timeline.state.server;
  const segments = walSegSize === 0 ? [] : await listSegments(timeline.directory, walSegSize);
  await failpoint("sk-snapshot-after-list-pausable", timeline.cancelled);
  for (const { name } of segments) yield* fileOnDisk(timeline.directory, name, walSegSize);
  if (timeline.state.term !== term || timeline.lastLogTerm !== lastLogTerm) {
    throw new Error(
      `term changed while the snapshot was made: was ${jsonText(term)}, is ${jsonText(timeline.state.term)}`,
    );
  }
  yield TAR_END;
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

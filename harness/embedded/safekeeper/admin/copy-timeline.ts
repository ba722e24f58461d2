import { openReader } from "../backup/open-reader";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Lsn } from "../../../types";
import { internal } from "../../service";
import { segmentFileName, segmentStart } from "../../wal/segments";
import { maxLsn, minLsn, newAcceptorState, newProgress, type TenantTimelineId } from "../acceptor-state";
import { type ControlFileContent, controlFileText } from "../control-file";
import { PARTIAL } from "../segment-file";
import type { Timeline } from "../timeline";
import type { TimelineMap } from "../timeline-map";

/** Makes a new timeline of the WAL of another one up to `until`, a record boundary. Does nothing when there is one already. */
export async function copyTimeline(
  timelines: TimelineMap,
  source: Timeline,
  target: TenantTimelineId,
  until: Lsn,
): Promise<void> {
  if (timelines.get(target) !== undefined) return;
  await source.ensureResident();
  const { timelineStartLsn: start, server } = source.state;
  if (start === Lsn.INVALID || server.walSegSize === 0) throw internal("timeline is not initialized");
  if (until > source.flushLsn) {
    throw internal(
      `requested LSN ${Lsn.format(until)} is beyond the end of the timeline ${Lsn.format(source.flushLsn)}`,
    );
  }
  if (until < start) {
    throw internal(`requested LSN ${Lsn.format(until)} is before the start of the timeline ${Lsn.format(start)}`);
  }
  const backupLsn = maxLsn(start, minLsn(source.progress.backupLsn, segmentStart(until, server.walSegSize)));
  await copyBackup(timelines, source, target, backupLsn);
  const content = newContent(source, target, { start, until, backupLsn });
  await timelines.adopt(target, async (directory) => {
    await copySegments(source, directory, backupLsn, until);
    await writeFile(join(directory, "safekeeper.control"), controlFileText(content.state, content.progress));
  });
}

function newContent(
  source: Timeline,
  target: TenantTimelineId,
  lsns: { start: Lsn; until: Lsn; backupLsn: Lsn },
): ControlFileContent {
  const { start, until, backupLsn } = lsns;
  return {
    state: {
      ...newAcceptorState(target),
      server: source.state.server,
      termHistory: [{ term: 0n, lsn: start }],
      timelineStartLsn: start,
      localStartLsn: start,
    },
    progress: { ...newProgress(), commitLsn: until, backupLsn, peerHorizonLsn: until },
  };
}

async function copyBackup(
  timelines: TimelineMap,
  source: Timeline,
  target: TenantTimelineId,
  backupLsn: Lsn,
): Promise<void> {
  const { walSegSize } = source.state.server;
  const remote = timelines.remoteOf(target);
  if (source.remote === undefined || remote === undefined) return;
  const end = segmentStart(backupLsn, walSegSize);
  for (let at = segmentStart(source.state.timelineStartLsn, walSegSize); at < end; at += BigInt(walSegSize)) {
    if (!(await source.remote.copySegment(at, walSegSize, remote))) {
      throw internal(`WAL segment ${segmentFileName(at, walSegSize)} is not in remote storage`);
    }
  }
}

async function copySegments(source: Timeline, directory: string, from: Lsn, until: Lsn): Promise<void> {
  const { walSegSize } = source.state.server;
  await using reader = openReader(source);
  for (let start = segmentStart(from, walSegSize); start < until; start += BigInt(walSegSize)) {
    const isWhole = until >= start + BigInt(walSegSize);
    const length = Number(minLsn(until, start + BigInt(walSegSize)) - start);
    const bytes = await reader.read(start, length);
    if (bytes.length !== length) throw internal(`WAL at ${Lsn.format(start)} is not available`);
    const name = segmentFileName(start, walSegSize) + (isWhole ? "" : PARTIAL);
    const file = await open(join(directory, name), "w");
    try {
      await file.write(bytes);
      await file.truncate(walSegSize);
    } finally {
      await file.close();
    }
  }
}

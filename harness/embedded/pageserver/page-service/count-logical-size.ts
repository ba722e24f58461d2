import type { Lsn } from "../../../types";
import { failpoint } from "../../service";
import { firstReadableLsn } from "../timeline/history";
import { floorToRecord } from "../timeline/record-boundary";
import type { Timeline } from "../timeline/timeline";
import type { MaterializedImages } from "./materialized-images";

/** Counts the bytes of all relations at the timeline's end, and keeps the number as its logical size. */
export async function countLogicalSize(timeline: Timeline, images: MaterializedImages): Promise<number> {
  await failpoint("timeline-calculate-logical-size-pause", timeline.cancelled);
  const size = await countLogicalSizeAt(timeline, images, timeline.lastRecordLsn);
  timeline.logicalSize.counted(size);
  return size;
}

/** The bytes of all relations at an LSN that can be read. */
export async function countLogicalSizeAt(timeline: Timeline, images: MaterializedImages, wanted: Lsn): Promise<number> {
  const first = firstReadableLsn(timeline);
  const lsn = wanted < first ? first : wanted;
  const size = await images.use(
    timeline,
    { notModifiedSince: lsn, lsn },
    async () => (await floorToRecord(timeline, lsn)).lsn,
    ({ files }) => files.logicalSize(),
  );
  return Number(size);
}

import { failpoint } from "../../service";
import { floorToRecord } from "../timeline/record-boundary";
import type { Timeline } from "../timeline/timeline";
import type { MaterializedImages } from "./materialized-images";

/** Counts the bytes of all relations at the timeline's end, and keeps the number as its logical size. */
export async function countLogicalSize(timeline: Timeline, images: MaterializedImages): Promise<number> {
  await failpoint("timeline-calculate-logical-size-pause", timeline.cancelled);
  const lsn = timeline.lastRecordLsn;
  const size = await images.use(
    timeline,
    { notModifiedSince: lsn, lsn },
    async () => (await floorToRecord(timeline, lsn)).lsn,
    ({ files }) => files.logicalSize(),
  );
  timeline.logicalSize.counted(Number(size));
  return Number(size);
}

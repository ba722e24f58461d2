import type { HotStandbyFeedback, StandbyHotFeedback } from "../../../wire";

/** Of a safekeeper without standbys, or with standbys that send no feedback. */
export const NO_STANDBY: HotStandbyFeedback = { ts: 0n, xmin: 0n, catalogXmin: 0n };

function older(a: bigint, b: bigint): bigint {
  if (a === 0n || b === 0n) return a === 0n ? b : a;
  return a < b ? a : b;
}

/** The oldest transactions that any standby still needs; xids carry their epoch, so the smaller is the older one. */
export function combineHorizons(feedbacks: readonly HotStandbyFeedback[]): HotStandbyFeedback {
  return feedbacks
    .filter(({ ts }) => ts !== 0n)
    .reduce(
      (all, each) => ({
        ts: each.ts > all.ts ? each.ts : all.ts,
        xmin: older(all.xmin, each.xmin),
        catalogXmin: older(all.catalogXmin, each.catalogXmin),
      }),
      NO_STANDBY,
    );
}

/** As a standby would tell it to Postgres itself. */
export function standbyMessage({ ts, xmin, catalogXmin }: HotStandbyFeedback): StandbyHotFeedback {
  const [low, epoch] = [(xid: bigint) => Number(xid & 0xffff_ffffn), (xid: bigint) => Number(xid >> 32n)];
  return {
    kind: "hotStandbyFeedback",
    time: ts,
    xmin: low(xmin),
    xminEpoch: epoch(xmin),
    catalogXmin: low(catalogXmin),
    catalogXminEpoch: epoch(catalogXmin),
  };
}

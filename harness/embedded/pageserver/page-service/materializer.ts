import { materialize } from "../../pg/materialize";
import type { PageserverConfig } from "../config/config";
import { distributionOf } from "../tenants/node";
import { baseImage, readWal } from "../timeline/history";
import type { Materializer } from "./materialized-images";

/** Builds data directories with the Postgres of each timeline's version; stops when the timeline leaves this node. */
export function materializerFor(config: PageserverConfig): Materializer {
  return async (timeline, lsn, targetDir) => {
    const { layer } = await baseImage(timeline, lsn);
    await materialize({
      distribution: distributionOf(config, timeline.pgVersion),
      imageFile: layer.path,
      wal: { read: (from, to) => readWal(timeline, from, to) },
      lsn,
      targetDir,
      signal: timeline.cancelled,
    });
  };
}

import { readImageManifest } from "../../pg/image";
import { materialize, type MaterializeOptions } from "../../pg/materialize";
import type { PageserverConfig } from "../config/config";
import { stats, timed } from "../stats";
import { distributionOf } from "../tenants/node";
import { baseImage, knownBoundaryBelow, readWal, whileReading } from "../timeline/history";
import type { Materializer } from "./materialized-images";

/** Builds data directories with the Postgres of each timeline's version; stops when the timeline leaves this node. */
export function materializerFor(config: PageserverConfig): Materializer {
  return (timeline, lsn, targetDir) =>
    whileReading(timeline, async () => {
      const { layer } = await baseImage(timeline, lsn);
      const options: MaterializeOptions = {
        distribution: distributionOf(config, timeline.pgVersion),
        imageFile: layer.path,
        wal: { read: (from, to) => readWal(timeline, from, to) },
        lsn,
        boundary: knownBoundaryBelow(timeline, lsn),
        targetDir,
        signal: timeline.cancelled,
      };
      await timed(stats.materialize, () => materialize(options));
      return readImageManifest(layer.path);
    });
}

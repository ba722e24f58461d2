import { whileReading } from "./history";
import { failpoint } from "../../service";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Lsn } from "../../../types";
import type { Layer } from "../layers/layer";
import { isL0, mergedDeltaName } from "../layers/layer-name";
import { layerFromFile } from "./create-image-layer";
import { replaceLayers } from "./replace-layers";
import type { Timeline } from "./timeline";

interface Run {
  readonly start: Lsn;
  end: Lsn;
  bytes: number;
  readonly layers: Layer[];
}

/** The level-0 deltas of a timeline, cut into runs without gaps of at most `targetSize` bytes (or one layer). */
export function runsOfL0(layers: readonly Layer[], targetSize: number): Run[] {
  const ranges = layers.flatMap((layer) => {
    const range = layer.walRange;
    return range !== undefined && isL0(layer.name) ? [{ ...range, layer }] : [];
  });
  const runs: Run[] = [];
  for (const { start, end, layer } of ranges.toSorted((a, b) => (a.start < b.start ? -1 : 1))) {
    const last = runs.at(-1);
    if (last !== undefined && last.end === start && last.bytes + layer.fileSize <= targetSize) {
      last.layers.push(layer);
      last.end = end;
      last.bytes += layer.fileSize;
    } else {
      runs.push({ start, end, bytes: layer.fileSize, layers: [layer] });
    }
  }
  return runs;
}

/** Merges all level-0 deltas into level-1 deltas of about compaction_target_size; returns how many there were. */
export async function mergeDeltas(timeline: Timeline): Promise<number> {
  const runs = runsOfL0(timeline.layers.all(), timeline.conf().number("compaction_target_size"));
  for (const run of runs) {
    const name = mergedDeltaName(run.start, run.end);
    const merged = await layerFromFile(timeline, name, (file) =>
      whileReading(timeline, () => concatenate(timeline, run.layers, file)),
    );
    await replaceLayers(timeline, { added: [merged], removed: run.layers });
    await failpoint("after-timeline-compacted-first-L1");
    timeline.log.info(`merged ${run.layers.length} level 0 layers into ${merged.fileName}`);
  }
  return runs.reduce((sum, run) => sum + run.layers.length, 0);
}

async function concatenate(timeline: Timeline, layers: readonly Layer[], outFile: string): Promise<void> {
  const out = await open(outFile, "w");
  try {
    for (const layer of layers) {
      await layer.touch();
      const input = createReadStream(layer.path, { highWaterMark: 512 * 1024, signal: timeline.cancelled });
      for await (const piece of input) await out.write(piece as Buffer);
    }
  } finally {
    await out.close();
  }
}

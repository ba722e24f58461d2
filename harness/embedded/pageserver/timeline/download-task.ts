import { randomBytes } from "node:crypto";
import { errorText } from "../../service";
import type { Layer } from "../layers/layer";
import type { Timeline } from "./timeline";

/** Brings all layers of a timeline to this disk, a few at a time. */
export class DownloadTask {
  state: "Running" | "Completed" | "ShutDown" = "Running";
  readonly #id = randomBytes(8).toString("hex");
  readonly #total: number;
  #successful = 0;
  #failed = 0;

  constructor(timeline: Timeline, maxConcurrent: number) {
    const missing = timeline.layers.all().filter((layer) => !layer.resident);
    this.#total = missing.length;
    const workers = Array.from({ length: Math.max(1, maxConcurrent) }, () => this.#work(timeline, missing));
    void Promise.all(workers).then(() => (this.state = timeline.cancelled.aborted ? "ShutDown" : "Completed"));
  }

  info(): Record<string, unknown> {
    return {
      task_id: this.#id,
      state: this.state,
      total_layer_count: this.#total,
      successful_download_count: this.#successful,
      failed_download_count: this.#failed,
    };
  }

  async #work(timeline: Timeline, missing: Layer[]): Promise<void> {
    for (let layer = missing.shift(); layer !== undefined; layer = missing.shift()) {
      if (timeline.cancelled.aborted) return;
      try {
        await layer.touch();
        this.#successful += 1;
      } catch (error) {
        this.#failed += 1;
        timeline.log.error(`downloading layer ${layer.fileName} failed: ${errorText(error)}`);
      }
    }
  }
}

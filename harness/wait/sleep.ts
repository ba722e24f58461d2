import { setTimeout as delay } from "node:timers/promises";

/** Only for harness/wait itself, for faults that take time, and for tests that measure it: all else waits on readiness. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal });
}

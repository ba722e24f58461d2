import { setTimeout as delay } from "node:timers/promises";

/** Only for harness/wait itself and for tests that measure time: everything else waits on a readiness object. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal });
}

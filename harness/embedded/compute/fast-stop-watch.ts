import type { Lsn } from "../../types";
import { type Logger, pause } from "../service";
import type { PostgresProcess } from "./postgres-process";

/** How long a fast stop may go without the safekeepers confirming anything. */
const NO_PROGRESS_MS = 2_000;

/**
 * A fast stop waits until the standby has the shutdown checkpoint, which without a majority of safekeepers is for ever.
 * When nothing was confirmed for a while the stop becomes an immediate one: what was not confirmed was promised to nobody.
 */
export async function watchFastStop(postgres: PostgresProcess, commitLsn: () => Lsn, log: Logger): Promise<void> {
  const exited = new AbortController();
  postgres.exited.then(
    () => exited.abort(),
    () => exited.abort(),
  );
  await aborted(AbortSignal.any([postgres.fastStopRequested, exited.signal]));
  while (!exited.signal.aborted) {
    const before = commitLsn();
    await pause(NO_PROGRESS_MS, exited.signal);
    if (exited.signal.aborted || commitLsn() !== before) continue;
    log.warn("the fast stop waits for a majority of safekeepers that does not answer: stopping immediately");
    postgres.signal("SIGQUIT");
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

import { INSISTS_AFTER_MS } from "./interruption";

/** Resolves at the first Ctrl-C, SIGTERM or SIGHUP. Who insists gets it at once, and the reaper clears up. */
export function untilAskedToStop(): Promise<void> {
  let askedAt: number | undefined;
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        askedAt ??= performance.now();
        if (performance.now() - askedAt > INSISTS_AFTER_MS) process.exit(130);
        resolve();
      });
    }
  });
}
